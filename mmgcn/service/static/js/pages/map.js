/** Map: the items in two dimensions, similar ones close to each other. */

import { replaceAddress, withParams } from "../address.js";
import { get, getAll, segment } from "../api.js";
import { channelLabel, clusterColour, el, icon, link, number, present, titleOf } from "../dom.js";
import { poster } from "../poster.js";
import { scatterOf } from "../scatter.js";

const LIST_LENGTH = 20; // of a user's list on the map
const WAIT_MS = 1500; // while the map is computed

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function mapPage({ params }, signal) {
  const channel = params.get("channel");
  const userId = params.get("user");
  const chosen = params.get("cluster");
  const map = await finished(channel, signal);
  if (!map) return [el("h1", {}, "Map"), el("p", { class: "note", role: "status" }, "The map is being computed …")];
  /** @type {[Item[] | "" | null, { items: Card[] } | null]} */
  const [history, list] = await Promise.all([
    userId && getAll(`v1/users/${segment(userId)}`, "watched", signal),
    userId && get(`v1/recommend/${segment(userId)}`, { k: LIST_LENGTH }, signal),
  ]);
  const watched = new Set((history || []).map(({ item_id }) => item_id));
  const listed = new Set(list?.items.map(({ item_id }) => item_id));
  let colours = params.get("colour") ?? (userId ? "user" : "cluster");
  const highest = Math.log1p(Math.max(...map.popularity, 1));
  const shades = map.popularity.map((count) => Math.log1p(count) / highest);
  const only = chosen == null ? null : Number(chosen);

  /**
   * @param {number} index
   * @param {CSSStyleDeclaration} style
   */
  function colourOf(index, style) {
    /** @param {string} name */
    const css = (name) => style.getPropertyValue(name).trim();
    if (only != null && map && map.cluster[index] !== only) return css("--faint");
    if (colours === "user") {
      const id = map?.items[index] ?? "";
      return css(watched.has(id) ? "--acoustic" : listed.has(id) ? "--accent" : "--faint");
    }
    if (colours === "popularity") return `color-mix(in oklab, ${css("--accent")} ${Math.round(100 * shades[index])}%, ${css("--faint")})`;
    return css(clusterColour(map?.cluster[index] ?? 0));
  }

  /** @param {number} index */
  function radiusOf(index) {
    const id = map?.items[index] ?? "";
    const large = colours === "user" && (watched.has(id) || listed.has(id));
    return (large ? 6.5 : map && map.items.length > 1500 ? 3 : 4.5);
  }

  const card = el("div", { class: "map-card", "aria-live": "polite" });
  card.hidden = true;
  let shown = -1;

  /**
   * @param {number} index
   * @param {number} x
   * @param {number} y
   */
  async function showCard(index, x, y) {
    shown = index;
    card.hidden = index < 0;
    if (index < 0 || !map) return;
    const id = map.items[index];
    const side = x > scatter.canvas.clientWidth / 2 ? "left" : "right";
    card.style.insetInline = side === "left" ? `auto ${scatter.canvas.clientWidth - x + 16}px` : `${x + 16}px auto`;
    card.style.insetBlockStart = `${Math.max(8, Math.min(y - 90, scatter.canvas.clientHeight - 230))}px`;
    /** @type {Item} */
    const item = await get(`v1/items/${segment(id)}`, {}, signal).catch(
      () => ({ item_id: id, caption: null, creator: null, video: null, poster: null }),
    );
    if (shown !== index) return;
    const state = watched.has(id) ? "watched" : listed.has(id) ? "recommended" : "";
    card.replaceChildren(
      ...present([
        poster(item),
        el("a", { href: link("video", id, { for: userId, by: channel }), dir: "auto" }, titleOf(item)),
        el("p", { class: "muted" }, [`${number.format(map.popularity[index])} views`, state].filter(Boolean).join(", ")),
      ]),
    );
  }

  const label = `${number.format(map.items.length)} videos by ${channelLabel(channel ?? "") || "all signals"}`;
  const scatter = scatterOf({
    x: map.x, y: map.y, label: `Map of ${label}`, colourOf, radiusOf, signal,
    onPoint: showCard,
    onOpen: (index) => {
      location.hash = link("video", map.items[index], { for: userId, by: channel });
    },
  });
  const legend = el("p", { class: "legend" });

  /** @param {string} name */
  function colourBy(name) {
    colours = name;
    legend.replaceChildren(...legendOf(name, userId, watched.size, listed.size));
    scatter.draw();
  }

  const choices = { cluster: "cluster", popularity: "popularity", ...(userId ? { user: `user ${userId}` } : {}) };
  colourBy(colours in choices ? colours : "cluster");
  const channels = [null, ...map.channels];
  return /** @type {Node[]} */ (present([
    el(
      "div",
      { class: "title" },
      el("h1", {}, "Map"),
      el("p", { class: "muted" }, map.items.length < map.num_items ? `the ${number.format(map.items.length)} most popular of ${number.format(map.num_items)} videos` : label),
      userId && el("a", { href: link("user", userId) }, `user ${userId}`),
    ),
    el(
      "div",
      { class: "row" },
      el(
        "nav",
        { class: "tabs", "aria-label": "Similarity by" },
        channels.map((name) =>
          el(
            "a",
            { class: "tab", href: withParams({ channel: name }), "data-channel": name, "aria-current": name === channel ? "page" : null },
            channelLabel(name ?? "") || "all signals",
          ),
        ),
      ),
      el(
        "fieldset",
        { class: "choices" },
        el("legend", { class: "unseen" }, "Colour by"),
        Object.entries(choices).map(([name, text]) => {
          const radio = el("input", {
            type: "radio", name: "colour", value: name, checked: name === colours,
            change: () => {
              replaceAddress(withParams({ colour: name }));
              colourBy(name);
            },
          });
          return el("label", {}, radio, text);
        }),
      ),
      only != null && el("a", { class: "button", href: withParams({ cluster: null }) }, "All clusters"),
    ),
    el(
      "div",
      { class: "map" },
      scatter.canvas,
      card,
      el(
        "div",
        { class: "zoom" },
        el("button", { class: "button round", "aria-label": "Zoom in", click: () => scatter.zoom(1.5) }, icon("plus")),
        el("button", { class: "button round", "aria-label": "Zoom out", click: () => scatter.zoom(1 / 1.5) }, icon("minus")),
      ),
    ),
    legend,
    el("p", { class: "keys muted", id: "map-keys" }, "Arrow keys: next video, + and −: zoom, Enter: open. Similar videos are near each other; distances between groups mean little (t-SNE)."),
  ]));
}

/**
 * Return the map once it is computed; null if that takes longer than the page waits.
 *
 * @param {string | null} channel
 * @param {AbortSignal} signal
 * @returns {Promise<ItemMap | null>}
 */
async function finished(channel, signal) {
  const end = Date.now() + 5 * 60_000;
  while (Date.now() < end) {
    const answer = await get("v1/map", { channel }, signal);
    if (answer.status !== "computing") return answer;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, WAIT_MS);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new DOMException("The page was left.", "AbortError"));
      });
    });
  }
  return null;
}

/**
 * @param {string} colours
 * @param {string | null} userId
 * @param {number} numWatched
 * @param {number} numListed
 * @returns {Node[]}
 */
function legendOf(colours, userId, numWatched, numListed) {
  /**
   * @param {string} kind
   * @param {string} text
   */
  const entry = (kind, text) => el("span", {}, el("span", { class: `sample ${kind}`, "aria-hidden": "true" }), ` ${text}`);
  if (colours === "user") {
    return [entry("watched", `watched by user ${userId} (${numWatched})`), entry("listed", `recommended (${numListed})`), entry("other", "other videos")];
  }
  if (colours === "popularity") return [entry("other", "few views"), entry("listed", "many views")];
  return [el("span", {}, "One colour for each cluster of similar videos by all signals.")];
}
