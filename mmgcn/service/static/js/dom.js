/** Elements: created from text, never from markup. */

const SVG = "http://www.w3.org/2000/svg";
const NUM_CLUSTER_COLOURS = 12; // in styles.css

/**
 * Return an element; strings among the children become text, null and false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, Attribute>} attributes a function becomes an event listener
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * Return an SVG element.
 *
 * @param {string} tag
 * @param {Record<string, Attribute>} attributes
 * @param {Child[]} children
 */
export function svg(tag, attributes = {}, ...children) {
  return fill(/** @type {SVGElement} */ (document.createElementNS(SVG, tag)), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} node
 * @param {Record<string, Attribute>} attributes
 * @param {Child[]} children
 * @returns {E}
 */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  node.append(...present(children));
  return node;
}

/**
 * Return children without null and false, lists flattened.
 *
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
export function present(children) {
  return children.flatMap((child) => {
    if (Array.isArray(child)) return present(child);
    return child == null || child === false ? [] : [child];
  });
}

/**
 * Return the element of an id that the page's HTML contains.
 *
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/** @type {Record<string, string>} */
const ICONS = {
  like: "M12 20.3 4.6 13a4.7 4.7 0 0 1 6.6-6.7l.8.8.8-.8a4.7 4.7 0 0 1 6.6 6.7z",
  skip: "M6.5 6.5l11 11m0-11l-11 11",
  close: "M6.5 6.5l11 11m0-11l-11 11",
  check: "M5 12.5l4.6 4.6L19 7.5",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5m0-5l-5 5",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  search: "M10.8 17.3a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zm4.8-1.7 4.6 4.6",
};

/**
 * Return a decorative icon; its button needs a label.
 *
 * @param {string} name
 */
export function icon(name) {
  return svg(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: ICONS[name] }),
  );
}

/**
 * Return the address of a page; parameters that are null or empty are left out.
 *
 * @param {string} kind user or video
 * @param {string} id
 * @param {Record<string, string | number | null | undefined>} params
 */
export function link(kind, id, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value != null && value !== "") query.set(name, String(value));
  }
  return `#/${kind}/${encodeURIComponent(id)}${query.size ? `?${query}` : ""}`;
}

/**
 * Return the title of a video: its caption, or its id.
 *
 * @param {Item} card
 */
export function titleOf(card) {
  return card.caption || card.item_id;
}

/**
 * Return the custom property with the colour of a cluster.
 *
 * @param {number} cluster
 */
export function clusterColour(cluster) {
  return `--cluster-${cluster % NUM_CLUSTER_COLOURS}`;
}

/**
 * Return the label of a channel.
 *
 * @param {string} channel
 */
export function channelLabel(channel) {
  const labels = { id: "viewing patterns", popularity_prior: "popularity", neighbours: "similar videos" };
  return Object.hasOwn(labels, channel) ? labels[/** @type {keyof labels} */ (channel)] : channel;
}

/**
 * Return a number with its sign; zero, after rounding, has none.
 *
 * @param {number} value
 * @param {number} digits
 */
export function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? "−" : "+"}${text}`;
}

/**
 * Return an error's message.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

export const number = new Intl.NumberFormat("en");
