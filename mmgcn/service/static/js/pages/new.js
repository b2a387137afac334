/** New: recommendations for a user who is not in the data, from a few selected videos. */

import { replaceAddress, withParams } from "../address.js";
import { ApiError, get, post, segment } from "../api.js";
import { channelLabel, el, messageOf, number, present } from "../dom.js";
import { downloads } from "../download.js";
import { thumb } from "../poster.js";
import { wallOf } from "../wall.js";

const NUM_OFFERED = 48;
const K = 24;
/** @type {Card[]} */
let chosen = []; // as in the address

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function newPage({ params }, signal) {
  const { found, unknown } = await cardsOf(params.getAll("item"), signal);
  chosen = found;
  const input = el("input", {
    type: "search", placeholder: "Search videos", "aria-label": "Search videos", autocomplete: "off",
    value: params.get("query"),
  });
  const tray = el("section", { class: "tray", "aria-live": "polite", "aria-label": "Selected videos" });
  const offers = el("div");
  const list = el("section", { "aria-label": "Recommended for you" });

  /** @type {{ modalities: string[] }} */
  const { modalities } = await get("v1/run", {}, signal);
  const kinds = Object.fromEntries(modalities.map((name) => [name, `With ${channelLabel(name)}`]));
  const group = select("group", "All videos", { head: "Popular", tail: "Less popular", cold: "Not watched yet" }, params);
  const modality = select("modality", "Any modality", kinds, params);
  let requests = 0;

  function find() {
    const filters = { query: input.value.trim(), group: group.value, modality: modality.value };
    replaceAddress(withParams(filters));
    return offer();
  }

  async function offer() {
    const mine = ++requests;
    const page = await pageOfItems(null);
    if (mine !== requests) return;
    offers.replaceChildren(
      ...(page.items.length
        ? [el("p", { class: "muted", role: "status" }, counted(page.total)), ...wallAndMore(page)]
        : [el("p", { class: "note", role: "status" }, "No video contains these words.")]),
    );
  }

  /** @param {string | null} cursor */
  function pageOfItems(cursor) {
    const filters = { query: input.value.trim() || null, group: group.value || null, modality: modality.value || null };
    return get("v1/items", { ...filters, limit: NUM_OFFERED, cursor }, signal);
  }

  /**
   * Return a wall, and a button that adds the next page.
   *
   * @param {{ items: Card[], next: string | null }} page
   * @returns {Node[]}
   */
  function wallAndMore({ items, next }) {
    const wall = wallOf(items, { label: "Videos to select", pick, chosen: isChosen });
    if (!next) return [wall];
    const more = el("button", { class: "button" }, "Show more");
    const row = el("p", { class: "more" }, more);
    more.addEventListener("click", async () => {
      const mine = requests;
      try {
        const page = await pageOfItems(next);
        if (mine === requests) row.replaceWith(...wallAndMore(page));
      } catch (error) {
        if (error instanceof ApiError && error.code === "cursor_expired") await offer();
        else if (!signal.aborted) row.append(el("span", { class: "problem", role: "alert" }, messageOf(error)));
      }
    });
    return [wall, row];
  }

  /** @param {string} itemId */
  const isChosen = (itemId) => chosen.some((card) => card.item_id === itemId);

  /** @param {Card} card */
  function pick(card) {
    const on = !isChosen(card.item_id);
    chosen = on ? [...chosen, card] : chosen.filter((other) => other.item_id !== card.item_id);
    keep();
    return on;
  }

  function clear() {
    chosen = [];
    list.replaceChildren();
    keep();
    offer();
  }

  function keep() {
    const items = chosen.map((card) => card.item_id);
    replaceAddress(withParams({ item: items, list: list.childElementCount ? 1 : null }));
    showTray();
  }

  function showTray() {
    tray.replaceChildren(
      ...(chosen.length
        ? [
            el("ul", { class: "strip" }, chosen.map((card) => thumb(card, null))),
            el(
              "div",
              { class: "row" },
              el("button", { class: "button strong", click: show }, "Show recommendations"),
              el("button", { class: "button", click: clear }, "Start over"),
            ),
          ]
        : [el("p", { class: "muted" }, "No videos selected yet. Two or three are enough.")]),
    );
  }

  async function show() {
    await recommend();
    keep();
    list.querySelector("h2")?.focus();
    list.scrollIntoView();
  }

  async function recommend() {
    try {
      const { items } = await post("v1/history", { item_ids: chosen.map((card) => card.item_id), k: K });
      const heading = el("h2", { tabindex: "-1" }, "Recommended for you");
      const feed = el("a", { class: "button", href: withParams({ item: chosen.map((card) => card.item_id) }, "#/feed") }, "Watch as a feed");
      list.replaceChildren(el("div", { class: "row" }, heading, el("div", { class: "row" }, feed, downloads("for-you", () => items))), wallOf(items, { label: "Recommended for you", explains: true }));
    } catch (error) {
      list.replaceChildren(el("p", { class: "problem", role: "alert" }, messageOf(error)));
    }
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, 150);
  });
  signal.addEventListener("abort", () => clearTimeout(timer));
  group.addEventListener("change", find);
  modality.addEventListener("change", find);
  showTray();
  await Promise.all([offer(), params.has("list") && chosen.length > 0 && recommend()]);
  return /** @type {Node[]} */ (present([
    el("h1", {}, "Try it yourself"),
    el("p", { class: "lead" }, "Select videos that you like. The recommendations are computed from what they show, sound like and say."),
    unknown.length > 0 && el("p", { class: "problem" }, `Not in this run: ${unknown.join(", ")}`),
    tray,
    list,
    el("div", { class: "row" }, el("h2", {}, "Videos"), el("div", { class: "filters" }, el("div", { class: "finder" }, input), group, modality)),
    offers,
  ]));
}

/**
 * Return the cards of the items in the address, and the ids that the run does not have.
 *
 * @param {string[]} itemIds
 * @param {AbortSignal} signal
 */
async function cardsOf(itemIds, signal) {
  const known = new Map(chosen.map((card) => [card.item_id, card]));
  /** @type {string[]} */
  const unknown = [];
  const cards = await Promise.all(
    [...new Set(itemIds)].map(async (itemId) => {
      try {
        return known.get(itemId) ?? (await get(`v1/items/${segment(itemId)}`, {}, signal));
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        unknown.push(itemId);
        return null;
      }
    }),
  );
  return { found: /** @type {Card[]} */ (cards.filter(Boolean)), unknown };
}

/**
 * Return a list of choices, of which the first, without a value, is not a filter.
 *
 * @param {string} name
 * @param {string} all
 * @param {Record<string, string>} choices
 * @param {URLSearchParams} params contain the selected choice
 */
function select(name, all, choices, params) {
  const options = Object.entries({ "": all, ...choices });
  return el(
    "select", { name, class: "select", "aria-label": `Filter by ${name}` },
    options.map(([value, text]) => el("option", { value, selected: value === (params.get(name) ?? "") }, text)),
  );
}

/** @param {number} total */
function counted(total) {
  return total === 1 ? "1 video" : `${number.format(total)} videos`;
}
