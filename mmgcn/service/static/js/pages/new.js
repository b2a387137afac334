/** New: recommendations for a user who is not in the data, from a few selected videos. */

import { replaceAddress, withParams } from "../address.js";
import { ApiError, get, post } from "../api.js";
import { el, messageOf, present } from "../dom.js";
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
  });
  const tray = el("section", { class: "tray", "aria-live": "polite", "aria-label": "Selected videos" });
  const offers = el("div");
  const list = el("section", { "aria-label": "Recommended for you" });

  async function offer() {
    const { items } = await get("v1/items", { query: input.value.trim(), limit: NUM_OFFERED }, signal);
    offers.replaceChildren(
      items.length
        ? wallOf(items, { label: "Videos to select", pick, chosen: isChosen })
        : el("p", { class: "note" }, "No video ID contains this text."),
    );
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
      list.replaceChildren(heading, wallOf(items, { label: "Recommended for you" }));
    } catch (error) {
      list.replaceChildren(el("p", { class: "problem", role: "alert" }, messageOf(error)));
    }
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(offer, 150);
  });
  showTray();
  await Promise.all([offer(), params.has("list") && chosen.length > 0 && recommend()]);
  return /** @type {Node[]} */ (present([
    el("h1", {}, "Try it yourself"),
    el("p", { class: "lead" }, "Select videos that you like. The recommendations follow from what they look, sound and read like."),
    unknown.length > 0 && el("p", { class: "problem" }, `Not in this run: ${unknown.join(", ")}`),
    tray,
    list,
    el("div", { class: "row" }, el("h2", {}, "Videos"), el("div", { class: "finder" }, input)),
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
        return known.get(itemId) ?? (await get(`v1/items/${encodeURIComponent(itemId)}`, {}, signal));
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        unknown.push(itemId);
        return null;
      }
    }),
  );
  return { found: /** @type {Card[]} */ (cards.filter(Boolean)), unknown };
}
