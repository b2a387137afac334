/** Weights: a user's list, ranked again while the weights of the signals are changed. */

import { parse, replaceAddress, withParams } from "../address.js";
import { get, segment } from "../api.js";
import { channelLabel, el, messageOf, number } from "../dom.js";
import { downloads } from "../download.js";
import { heldOut, loadFacts, markHits, viewsOf } from "../facts.js";
import { wallOf } from "../wall.js";

const K = 24;
const WAIT_MS = 60; // while a slider moves
const MAX_WEIGHT = 3;

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function weightsPage({ id, params }, signal) {
  const weights = new Map(params.getAll("weight").map(split));
  /** @type {Card[]} */
  let cards = [];
  let requests = 0;
  const list = el("div");
  const facts = await loadFacts(id, signal);
  const path = `v1/weighted/${segment(id)}`;

  async function rank() {
    const mine = ++requests;
    const chosen = [...weights].filter(([, weight]) => weight !== 1).map(([name, weight]) => `${name}:${weight}`);
    const query = new URLSearchParams([["k", String(K)], ...chosen.map((weight) => ["weight", weight])]);
    /** @type {{ weights: Record<string, number>, items: WeightedCard[] }} */
    const answer = await get(`${path}?${query}`, {}, signal);
    if (mine !== requests) return answer;
    cards = answer.items;
    const wall = wallOf(answer.items, { label: `Recommended for user ${id}`, userId: id });
    for (const [index, card] of [...wall.querySelectorAll(".card")].entries()) {
      card.querySelector(".stage")?.append(" ", moved(answer.items[index]));
    }
    if (facts) markHits(wall, heldOut(facts));
    list.replaceChildren(wall);
    if (parse(location.hash).name === "weights") replaceAddress(withParams({ weight: chosen }));
    return answer;
  }

  const { weights: all } = await rank();
  weights.clear();
  for (const name of Object.keys(all)) weights.set(name, all[name]); // in the order of the run
  const problem = el("p", { class: "problem", role: "alert" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const sliders = [...weights.keys()].map((name) => {
    const value = el("output", {}, text(weights.get(name)));
    const slider = el("input", {
      type: "range", name: `weight-${name}`, min: 0, max: MAX_WEIGHT, step: 0.1, value: weights.get(name),
      input: () => {
        weights.set(name, Number(slider.value));
        value.textContent = text(weights.get(name));
        clearTimeout(timer);
        timer = setTimeout(() => rank().then(() => problem.replaceChildren(), show), WAIT_MS);
      },
    });
    return { name, slider, value, row: el("label", { "data-channel": name }, el("span", { class: "name" }, channelLabel(name)), slider, value) };
  });
  /** @param {unknown} error */
  const show = (error) => {
    if (!signal.aborted) problem.textContent = messageOf(error);
  };
  const reset = () => {
    for (const { name, slider, value } of sliders) {
      weights.set(name, 1);
      slider.value = "1";
      value.textContent = text(1);
    }
    rank().catch(show);
  };
  return [
    el("div", { class: "title" }, el("h1", {}, `User ${id}`), viewsOf(id, "weights")),
    el(
      "form",
      { class: "sliders", "aria-label": "Weights of the signals" },
      el("p", { class: "muted" }, "A score is the sum of the contributions of all signals. Change their weights, and the list is re-ranked at once."),
      sliders.map(({ row }) => row),
      el("div", { class: "row" }, el("button", { class: "button", type: "button", click: reset }, "All equal"), downloads(`user-${id}-weighted`, () => cards)),
    ),
    problem,
    list,
  ];
}

/**
 * visual:0.5 -> ["visual", 0.5]
 *
 * @param {string} weight
 * @returns {[string, number]}
 */
function split(weight) {
  const at = weight.lastIndexOf(":");
  const value = Number(weight.slice(at + 1));
  return [weight.slice(0, at), Number.isFinite(value) ? value : 1];
}

/** @param {number | undefined} weight */
function text(weight) {
  return `× ${(weight ?? 1).toFixed(1)}`;
}

/**
 * Return by how much an item has moved from its rank with equal weights.
 *
 * @param {WeightedCard} card
 */
function moved({ rank = 0, rank_before: before }) {
  const step = before - rank;
  const kind = step > 0 ? "up" : step < 0 ? "down" : "same";
  const label = step === 0 ? "same rank" : `from rank ${number.format(before)}`;
  const sign = { up: "▲ ", down: "▼ ", same: "" }[kind];
  return el("span", { class: `moved ${kind}` }, `${sign}${label}`);
}
