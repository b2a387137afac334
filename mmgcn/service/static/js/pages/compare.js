/** Compare: the lists of one user in two runs, side by side, with the changes of rank. */

import { get, getAll, segment } from "../api.js";
import { el, link, number, present, titleOf } from "../dom.js";
import { downloads } from "../download.js";
import { viewsOf } from "../facts.js";
import { poster } from "../poster.js";

const K = 20;
const METRIC = "recall@20";

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function comparePage({ id, params }, signal) {
  /** @type {[{ run: string }, { run: string, model: string, metrics: Record<string, number> }[]]} */
  const [{ run: current }, runs] = await Promise.all([get("readyz", {}, signal), getAll("v1/runs", "runs", signal)]);
  const others = runs.filter(({ run }) => run !== current);
  const title = el("div", { class: "title" }, el("h1", {}, `User ${id}`), viewsOf(id, "compare"));
  if (!others.length) {
    return [title, el("p", { class: "note" }, "There is no other finished run in the folder of the run in service. Train one: mmgcn fit")];
  }
  const chosen = params.get("with") ?? others[0].run;
  /** @type {Comparison} */
  const found = await get(`v1/compare/${segment(id)}`, { run: chosen, k: K }, signal);
  const select = el(
    "select",
    {
      name: "with", class: "select", "aria-label": "The other run",
      change: () => location.replace(link("compare", id, { with: select.value })),
    },
    others.map(({ run, model, metrics }) =>
      el("option", { value: run, selected: run === chosen }, `${run} · ${model}${METRIC in metrics ? ` · ${METRIC} ${metrics[METRIC].toFixed(3)}` : ""}`),
    ),
  );
  const shared = `${number.format(found.num_shared)} of ${number.format(found.items.length)} videos are in both lists.`;
  return /** @type {Node[]} */ (present([
    title,
    el("div", { class: "row" }, el("p", { class: "muted" }, shared), el("label", { class: "choose" }, "Compare with", select)),
    el(
      "div",
      { class: "two" },
      column(found.run, found.model, "in service", found.items, found, id),
      column(found.other, found.other_model, "compared", found.other_items, found, id),
    ),
  ]));
}

/**
 * @param {string} run
 * @param {string | null} model
 * @param {string} role
 * @param {ComparedCard[]} cards
 * @param {Comparison} comparison
 * @param {string} userId
 */
function column(run, model, role, cards, { held_out: heldOut }, userId) {
  return el(
    "section",
    { class: "stack", "aria-label": `Run ${run}` },
    el("div", { class: "title" }, el("h2", {}, model ?? "model"), el("p", { class: "muted" }, `${role}, run ${run}`)),
    el(
      "ol",
      { class: "lines" },
      cards.map((card) =>
        el(
          "li",
          {},
          el(
            "a",
            { class: "line", href: link("video", card.item_id, { for: userId }) },
            el("span", { class: "position" }, String(card.rank)),
            " ",
            poster(card, { class: "image tiny" }),
            el("span", { class: "line-words", dir: "auto" }, titleOf(card)),
            " ",
            heldOut.includes(card.item_id) && el("span", { class: "badge inline" }, "held-out hit"),
            " ",
            moved(card),
          ),
        ),
      ),
    ),
    downloads(`user-${userId}-${run}`, () => cards),
  );
}

/** @param {ComparedCard} card */
function moved({ rank = 0, other_rank: other }) {
  if (other == null) return el("span", { class: "moved new" }, "not in the other");
  if (other === rank) return el("span", { class: "moved same" }, "same rank");
  return el("span", { class: `moved ${other > rank ? "up" : "down"}` }, `${other > rank ? "▲" : "▼"} ${number.format(other)} in the other`);
}
