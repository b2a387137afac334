// Shapes that the page's modules share: responses of the service, and elements with a state.

interface Item {
  item_id: string;
  caption: string | null;
  creator: string | null;
  video: string | null;
  poster: string | null;
  colour?: string | null;
  sprite?: string | null;
  modalities?: string[];
}

interface Card extends Item {
  score?: number;
  rank?: number;
  rank_before?: number | null;
  because?: string | null;
  cosine?: number;
  channels?: string[];
}

interface RankedList {
  items: Card[];
  session?: { items: string[]; is_reranked: boolean };
}

interface Explanation {
  score: number;
  parts: Record<string, number>;
  missing: string[];
  nearest: Record<string, Card[]>;
}

interface MetricsRow {
  epoch: number;
  [metric: string]: number | null;
}

interface WorthRow {
  modality: string;
  how: string;
  mean: number;
  low: number | null;
  high: number | null;
}

interface RunFacts {
  run: string;
  model: string | null;
  created: string | null;
  config: { best_epoch?: number; [setting: string]: unknown };
  metrics: Record<string, number> | null;
  history: MetricsRow[] | null;
  channels: string[] | null;
  num_users: number;
  num_items: number;
  modality_worth: { metric: string; rows: WorthRow[] } | null;
}

interface Baseline {
  num_users: number;
  max_held_out: number;
  metrics: Record<string, number>;
  member_starts: number[];
}

interface UserFacts {
  user_id: string;
  num_watched: number;
  num_candidates: number;
  test: (Item & { rank: number; popular_rank: number })[];
  favourites: { cluster: number; num_watched: number; num_items: number; card: Item }[] | null;
}

interface WeightedCard extends Card {
  rank_before: number;
  parts: Record<string, number>;
}

interface ComparedCard extends Card {
  other_rank: number | null;
}

interface Comparison {
  run: string;
  other: string;
  model: string | null;
  other_model: string | null;
  items: ComparedCard[];
  other_items: ComparedCard[];
  num_shared: number;
  held_out: string[];
}

interface ItemMap {
  run: string;
  channel: string | null;
  channels: string[];
  num_items: number;
  items: string[];
  x: number[];
  y: number[];
  cluster: number[];
  popularity: number[];
}

interface Shares {
  items: number;
  interactions: number;
  lists: number;
}

interface Coverage {
  run: string;
  popularity: {
    num_items: number; num_interactions: number; num_cold: number; gini: number;
    top: Record<string, number>; lorenz: [number, number][];
  };
  modalities: Record<string, number>;
  groups: Record<string, Shares>;
  list_length: number;
  num_users: number;
  catalogue_coverage: number;
  exposure_gini: number;
  history_quantiles: number[];
}

interface Reloads {
  run: string;
  since: string;
  reloads: { at: string; outcome: string; run: string; reason: string | null }[];
}

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

interface ScatterOptions {
  x: number[];
  y: number[];
  label: string;
  colourOf: (index: number, style: CSSStyleDeclaration) => string;
  radiusOf: (index: number) => number;
  onPoint: (index: number, x: number, y: number) => void;
  onOpen: (index: number) => void;
  signal: AbortSignal;
}

interface Scatter {
  canvas: HTMLCanvasElement;
  draw: () => void;
  mark: (index: number) => void;
  zoom: (factor: number) => void;
}

interface Route {
  name: string;
  id: string;
  params: URLSearchParams;
}

type Page = (route: Route, signal: AbortSignal) => Promise<Node[]>;

type Kind = "like" | "skip";

interface Preview {
  play: () => void;
  stop: () => void;
  toggle: () => void;
}

interface CardElement extends HTMLLIElement {
  preview: Preview;
  keys: Record<string, () => void>;
  restore?: () => void;
  hiddenAt?: number;
}

interface CardOptions {
  userId?: string | null;
  pick?: ((card: Card) => boolean) | null;
  chosen?: boolean;
  explains?: boolean;
}

interface SlideOptions {
  userId: string | null;
  channels: string[];
  isMuted: () => boolean;
  onMute: () => void;
  onSkip: (skipped: boolean) => void;
}

interface Slide {
  card: Card;
  element: HTMLLIElement;
  keys: Record<string, () => void>;
  load: () => void;
  unload: () => void;
  play: () => void;
  pause: () => void;
  toggle: () => void;
  showMuted: () => void;
  onTap: (act: () => void) => void;
}

interface WallOptions {
  userId?: string | null;
  pick?: ((card: Card) => boolean) | null;
  chosen?: (itemId: string) => boolean;
  explains?: boolean;
}

interface Line {
  name: string;
  points: [number, number][];
  level?: number;
}

interface Interval {
  name: string;
  mean: number;
  low: number | null;
  high: number | null;
}

// A global of Swagger UI, on the page of the API's documentation.
declare function SwaggerUIBundle(options: Record<string, unknown>): unknown;

type Attribute = string | number | boolean | null | undefined | ((event: any) => void);
type Child = Node | string | false | null | undefined | Child[];
