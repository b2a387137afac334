/** New: a list for somebody who is not in the data, from a few videos they choose. */

import { get, post } from "../api.js";
import { el } from "../dom.js";
import { thumb } from "../picture.js";
import { wallOf } from "../wall.js";

const NUM_OFFERED = 48;
const K = 24;
let chosen = []; // cards; kept while the page is open

/** Return the parts of the page. */
export async function newPage(_route, signal) {
  const input = el("input", {
    type: "search", placeholder: "Find videos", "aria-label": "Find videos", autocomplete: "off",
  });
  const tray = el("section", { class: "tray", "aria-live": "polite", "aria-label": "Chosen" });
  const offers = el("div");
  const answer = el("section", { "aria-label": "Your list" });

  async function offer() {
    const { items } = await get("v1/items", { query: input.value.trim(), limit: NUM_OFFERED }, signal);
    offers.replaceChildren(
      items.length
        ? wallOf(items, { label: "Videos to choose from", pick, chosen: isChosen })
        : el("p", { class: "note" }, "No caption or id holds these words."),
    );
  }

  const isChosen = (itemId) => chosen.some((card) => card.item_id === itemId);

  function pick(card) {
    const on = !isChosen(card.item_id);
    chosen = on ? [...chosen, card] : chosen.filter((other) => other.item_id !== card.item_id);
    showTray();
    return on;
  }

  function showTray() {
    const make = el("button", { class: "button strong", click: recommend }, "Show my list");
    const clear = el(
      "button",
      {
        class: "button",
        click: () => {
          chosen = [];
          answer.replaceChildren();
          showTray();
          offer();
        },
      },
      "Start over",
    );
    tray.replaceChildren(
      ...(chosen.length
        ? [el("ul", { class: "strip" }, chosen.map((card) => thumb(card, null))), el("div", { class: "row" }, make, clear)]
        : [el("p", { class: "muted" }, "Nothing chosen yet. Two or three videos are enough.")]),
    );
  }

  async function recommend() {
    try {
      const { items } = await post("v1/history", { item_ids: chosen.map((card) => card.item_id), k: K });
      answer.replaceChildren(el("h2", { tabindex: "-1" }, "Your list"), wallOf(items, { label: "Your list" }));
      answer.firstElementChild.focus();
      answer.scrollIntoView();
    } catch (error) {
      answer.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message));
    }
  }

  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(offer, 150);
  });
  showTray();
  await offer();
  return [
    el("h1", {}, "Somebody new"),
    el("p", { class: "lead" }, "Choose what you like; the list follows from what those videos look, sound and read like."),
    tray,
    answer,
    el("div", { class: "row" }, el("h2", {}, "Choose"), el("div", { class: "finder" }, input)),
    offers,
  ];
}
