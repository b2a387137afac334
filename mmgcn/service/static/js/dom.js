/** Elements: made from text, never from markup. */

const SVG = "http://www.w3.org/2000/svg";

/** Return an element; strings among the children become text, null and false nothing. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Return an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

const ICONS = {
  like: "M12 20.3 4.6 13a4.7 4.7 0 0 1 6.6-6.7l.8.8.8-.8a4.7 4.7 0 0 1 6.6 6.7z",
  skip: "M6.5 6.5l11 11m0-11l-11 11",
  close: "M6.5 6.5l11 11m0-11l-11 11",
  check: "M5 12.5l4.6 4.6L19 7.5",
  search: "M10.8 17.3a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zm4.8-1.7 4.6 4.6",
};

/** Return a drawn sign; what it means stands in the label of its button. */
export function icon(name) {
  return svg(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: ICONS[name] }),
  );
}

/** Return a link to a page of this one, ids escaped. */
export function link(kind, id, params = {}) {
  const query = new URLSearchParams(
    Object.entries(params).filter(([, value]) => value != null && value !== ""),
  ).toString();
  return `#/${kind}/${encodeURIComponent(id)}${query ? `?${query}` : ""}`;
}

/** Return the name of a video for a person: its caption, or its id. */
export function titleOf(card) {
  return card.caption || card.item_id;
}

export const number = new Intl.NumberFormat("en");
