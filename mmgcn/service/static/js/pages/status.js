/** Status: the run that answers, how good it is, and how it was trained. */

import { get } from "../api.js";
import { curves, intervals } from "../chart.js";
import { el, number } from "../dom.js";

const FAMILIES = { recall: "Recall", ndcg: "NDCG", precision: "Precision", hit_rate: "Hit rate", mrr: "MRR" };

/** Return the parts of the page. */
export async function statusPage(_route, signal) {
  const [run, ready] = await Promise.all([
    get("v1/run", {}, signal),
    get("readyz", {}, signal).catch(() => ({ feedback: "unknown" })),
  ]);
  const figures = familiesOf(Object.keys(run.metrics ?? {}));
  return [
    el("div", { class: "title" }, el("h1", {}, "Status"), el("p", { class: "muted" }, `run ${run.run}`)),
    facts({
      model: run.model,
      made: run.created ? `${String(run.created).replace("T", " ").slice(0, 16)} UTC` : "unknown",
      users: number.format(run.num_users),
      videos: number.format(run.num_items),
      channels: (run.channels ?? []).join(", "),
      feedback: ready.feedback,
    }),
    figures.length > 0 && el("h2", {}, "How well it finds what was withheld"),
    figures.length > 0 && metricsTable(run.metrics, figures),
    ...training(run.history ?? [], run.config?.best_epoch),
    ...worth(run.modality_worth),
    el(
      "details",
      {},
      el("summary", {}, "Every setting"),
      el("pre", { tabindex: "0" }, JSON.stringify(run.config, null, 2)),
    ),
  ].filter(Boolean);
}

function facts(held) {
  return el(
    "dl",
    { class: "facts" },
    Object.entries(held).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))),
  );
}

/** recall@10, recall@20 ... -> [["recall", [10, 20]], ...] */
function familiesOf(names) {
  const held = new Map();
  for (const name of names) {
    const [family, k] = name.split("@");
    if (k) held.set(family, [...(held.get(family) ?? []), Number(k)]);
  }
  const order = Object.keys(FAMILIES);
  const place = (family) => (order.includes(family) ? order.indexOf(family) : order.length);
  return [...held]
    .map(([family, ks]) => [family, ks.sort((a, b) => a - b)])
    .sort(([a], [b]) => place(a) - place(b));
}

function metricsTable(metrics, families) {
  const ks = [...new Set(families.flatMap(([, own]) => own))].sort((a, b) => a - b);
  const cell = (name) => (name in metrics ? metrics[name].toFixed(4) : "");
  return el(
    "div",
    { class: "scroller", tabindex: "0", role: "region", "aria-label": "Metrics" },
    el(
      "table",
      { class: "metrics" },
      el("thead", {}, el("tr", {}, el("td"), ks.map((k) => el("th", { scope: "col" }, `@${k}`)))),
      el(
        "tbody",
        {},
        families.map(([family]) =>
          el(
            "tr", {}, el("th", { scope: "row" }, FAMILIES[family] ?? family),
            ks.map((k) => el("td", {}, cell(`${family}@${k}`))),
          ),
        ),
      ),
    ),
  );
}

function training(history, best) {
  if (!history.length) return [];
  const over = (name) => history.filter((row) => row[name] != null).map((row) => [row.epoch, row[name]]);
  const charts = [["Training loss", [{ name: "", points: over("loss") }]]];
  for (const [family, ks] of familiesOf(Object.keys(history[0]))) {
    charts.push([
      FAMILIES[family] ?? family,
      ks.map((k) => ({ name: `@${k}`, points: over(`${family}@${k}`) })),
    ]);
  }
  return [
    el(
      "div",
      { class: "title" },
      el("h2", {}, "How it was trained"),
      el("p", { class: "muted" }, best ? `by epoch; the best was ${best}` : "by epoch"),
    ),
    el(
      "div",
      { class: "charts" },
      charts
        .filter(([, lines]) => lines.every(({ points }) => points.length))
        .map(([title, lines]) => el("figure", {}, el("figcaption", {}, title), curves(title, lines, best))),
    ),
  ];
}

function worth(held) {
  if (!held?.rows?.length) return [];
  const names = { drop: (what) => `without ${what}`, shuffle: (what) => `${what} shuffled` };
  const rows = held.rows.map(({ modality, how, ...metrics }) => ({
    name: names[how]?.(modality) ?? `${modality}, ${how}`, ...metrics,
  }));
  const title = `${held.metric} that is lost, with its interval`;
  return [
    el("h2", {}, "What each modality is worth"),
    el(
      "figure",
      {},
      el("figcaption", {}, title),
      intervals(title, rows),
    ),
  ];
}
