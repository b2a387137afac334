// Shapes that the page's modules share: responses of the service, and elements with a state.

interface Item {
  item_id: string;
  caption: string | null;
  creator: string | null;
  video: string | null;
  poster: string | null;
  modalities?: string[];
}

interface Card extends Item {
  score?: number;
  rank?: number;
  cosine?: number;
  channels?: string[];
}

interface Explanation {
  score: number;
  parts: Record<string, number>;
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

type Attribute = string | number | boolean | null | undefined | ((event: any) => void);
type Child = Node | string | false | null | undefined | Child[];
