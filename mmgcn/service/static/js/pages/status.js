/** Status: the run in service, its metrics and its training. */

import { get } from "../api.js";
import { curves, intervals } from "../chart.js";
import { channelLabel, el, number, present } from "../dom.js";
import { metricsTable } from "../metrics_table.js";
import { statusViews } from "../status_views.js";

/** @type {Record<string, string>} */
const FAMILIES = { recall: "Recall", ndcg: "NDCG", precision: "Precision", hit_rate: "Hit rate", mrr: "MRR" };
/** @typedef {[family: string, ks: number[]]} Family */

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function statusPage(_route, signal) {
  /** @type {[RunFacts, { feedback: string }, Baseline]} */
  const [run, ready, baseline] = await Promise.all([
    get("v1/run", {}, signal),
    get("readyz", {}, signal).catch(() => ({ feedback: "unknown" })),
    get("v1/baseline", {}, signal),
  ]);
  const metrics = run.metrics ?? {};
  const hidden = baseline.max_held_out === 1 ? "hit_rate" : ""; // equal to recall
  const families = familiesOf(Object.keys(metrics)).filter(([family]) => family !== hidden);
  return /** @type {Node[]} */ (present([
    el("div", { class: "title" }, el("h1", {}, "Status"), el("p", { class: "muted" }, `run ${run.run}`), statusViews("status")),
    facts({
      model: run.model ?? "unknown",
      trained: run.created ? `${run.created.replace("T", " ").slice(0, 16)} UTC` : "unknown",
      users: number.format(run.num_users),
      videos: number.format(run.num_items),
      signals: (run.channels ?? []).map(channelLabel).join(", "),
      feedback: ready.feedback,
    }),
    families.length > 0 && [
      el("h2", {}, "Accuracy on held-out videos (validation)"),
      el("p", { class: "muted" }, validationNote(baseline)),
      metricsOf(metrics, baseline.metrics, families),
    ],
    training(run, baseline, hidden),
    modalityWorth(run.modality_worth),
    el(
      "details",
      {},
      el("summary", {}, "All settings"),
      el("pre", { tabindex: "0" }, JSON.stringify(run.config, null, 2)),
    ),
    el("p", { class: "muted" }, "For programs: ", el("a", { href: "docs" }, "the API of this service"), "."),
  ]));
}

/**
 * Return a description of the validation part.
 *
 * @param {Baseline} baseline
 */
function validationNote({ num_users, max_held_out }) {
  const each = max_held_out === 1
    ? "one video of each user was held out to select the epoch, so the hit rate equals the recall"
    : "videos that were held out to select the epoch";
  return `${number.format(num_users)} users; ${each}.`;
}

/** @param {Record<string, string>} values */
function facts(values) {
  return el(
    "dl",
    { class: "facts" },
    Object.entries(values).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
  );
}

/**
 * recall@10, recall@20 ... -> [["recall", [10, 20]], ...]
 *
 * @param {string[]} names
 * @returns {Family[]}
 */
function familiesOf(names) {
  /** @type {Map<string, number[]>} */
  const found = new Map();
  for (const name of names) {
    const [family, k] = name.split("@");
    if (k) found.set(family, [...(found.get(family) ?? []), Number(k)]);
  }
  const order = Object.keys(FAMILIES);
  /** @param {string} family */
  const rank = (family) => (order.includes(family) ? order.indexOf(family) : order.length);
  return [...found]
    .map(([family, ks]) => /** @type {Family} */ ([family, ks.sort((a, b) => a - b)]))
    .sort(([a], [b]) => rank(a) - rank(b));
}

/**
 * @param {Record<string, number>} metrics
 * @param {Record<string, number>} popular
 * @param {Family[]} families
 */
function metricsOf(metrics, popular, families) {
  const ks = [...new Set(families.flatMap(([, own]) => own))].sort((a, b) => a - b);
  /**
   * @param {Record<string, number>} values
   * @param {string} name
   */
  const cell = (values, name) => el("td", {}, name in values ? values[name].toFixed(4) : "");
  /**
   * @param {string} family
   * @param {Record<string, number>} values
   * @param {Child} label
   * @param {string} tone
   */
  const row = (family, values, label, tone = "") =>
    el("tr", { class: tone }, el("th", { scope: "row" }, label), ks.map((k) => cell(values, `${family}@${k}`)));
  const rows = families.flatMap(([family]) => {
    const label = FAMILIES[family] ?? family;
    const others = row(family, popular, `${label}, most popular`, "muted");
    return [row(family, metrics, label), Object.keys(popular).length > 0 && others];
  });
  return metricsTable("Metrics", ks.map((k) => `@${k}`), rows);
}

/**
 * @param {RunFacts} run
 * @param {Baseline} baseline
 * @param {string} hidden a family of metrics that is not drawn
 */
function training(run, baseline, hidden) {
  const history = run.history ?? [];
  const best = run.config.best_epoch ?? null;
  const starts = baseline.member_starts;
  if (!history.length) return [];
  /**
   * @param {string} name
   * @returns {[number, number][]}
   */
  const over = (name) => history.flatMap((row) => {
    const value = row[name];
    return value == null ? [] : [/** @type {[number, number]} */ ([row.epoch, value])];
  });
  /** @type {[string, Line[]][]} */
  const charts = [["Training loss", [{ name: "", points: over("loss") }]]];
  for (const [family, ks] of familiesOf(Object.keys(history[0]))) {
    if (family === hidden) continue;
    charts.push([
      `Validation ${(FAMILIES[family] ?? family).replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())}`,
      ks.map((k) => ({
        name: `@${k}`, points: over(`${family}@${k}`), level: baseline.metrics[`${family}@${k}`],
      })),
    ]);
  }
  const members = starts.length > 1
    && `${starts.length} ensemble members, one after the other, drawn separately: each lowers the metrics `
    + "of the ensemble until it is trained";
  const notes = [best ? `by epoch; the best was ${best}` : "by epoch", members, "dashed: the most popular videos"];
  return [
    el(
      "div",
      { class: "title" },
      el("h2", {}, "Training"),
      el("p", { class: "muted" }, `${notes.filter(Boolean).join("; ")}.`),
    ),
    el(
      "div",
      { class: "charts" },
      charts
        .filter(([, lines]) => lines.every(({ points }) => points.length))
        .map(([title, lines]) =>
          el("figure", {}, el("figcaption", {}, title), curves(title, lines, { best, starts })),
        ),
    ),
  ];
}

/** @param {RunFacts["modality_worth"]} ablation */
function modalityWorth(ablation) {
  if (!ablation?.rows?.length) return [];
  /** @type {Record<string, (modality: string) => string>} */
  const names = { drop: (modality) => `without ${modality}`, shuffle: (modality) => `${modality} shuffled` };
  const rows = ablation.rows.map(({ modality, how, ...interval }) => ({
    name: names[how]?.(modality) ?? `${modality}, ${how}`, ...interval,
  }));
  const title = `Drop in ${ablation.metric}, with its interval`;
  return [
    el("h2", {}, "Modality worth"),
    el("figure", {}, el("figcaption", {}, title), intervals(title, rows)),
  ];
}
