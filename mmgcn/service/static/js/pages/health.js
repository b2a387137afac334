/** Health: requests, errors, latency and reloads, from /metrics. */

import { get, getText } from "../api.js";
import { el, number, svg } from "../dom.js";
import { metricsTable } from "../metrics_table.js";
import { quantileOf, samplesOf, sumsBy } from "../prometheus.js";
import { statusViews } from "../status_views.js";

const EVERY_MS = 2000;
const NUM_POINTS = 60; // of the curve: two minutes

/**
 * Return the parts of the page, which is redrawn every two seconds.
 *
 * @type {Page}
 */
export async function healthPage(_route, signal) {
  const body = el("div", { class: "health stack" });
  const problem = el("p", { class: "problem", role: "alert" });
  /** @type {number[]} */
  const rates = [];
  /** @type {{ total: number, at: number } | null} */
  let before = null;

  async function draw() {
    /** @type {[string, Reloads, { feedback: string }]} */
    const [text, reloads, ready] = await Promise.all([
      getText("metrics", signal), get("v1/reloads", {}, signal), get("readyz", {}, signal),
    ]);
    const samples = samplesOf(text);
    const requests = samples.filter(({ name }) => name === "mmgcn_requests_total");
    const total = sum(requests);
    const now = performance.now();
    if (before) rates.push(Math.max(0, total - before.total) / ((now - before.at) / 1000));
    rates.splice(0, rates.length - NUM_POINTS);
    before = { total, at: now };
    body.replaceChildren(...view(samples, requests, reloads, ready, rates));
    problem.textContent = "";
  }

  await draw();
  const timer = setInterval(() => {
    if (document.hidden) return;
    draw().catch((error) => {
      if (!signal.aborted) problem.textContent = error.message;
    });
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return [el("div", { class: "title" }, el("h1", {}, "Health"), statusViews("health")), problem, body];
}

/**
 * @param {Sample[]} samples
 * @param {Sample[]} requests
 * @param {Reloads} reloads
 * @param {{ feedback: string }} ready
 * @param {number[]} rates
 * @returns {Node[]}
 */
function view(samples, requests, reloads, ready, rates) {
  const total = sum(requests);
  const failed = sum(requests.filter(({ labels }) => labels.status.startsWith("5")));
  const refused = sum(requests.filter(({ labels }) => labels.status.startsWith("4")));
  const hits = sum(samples.filter(({ name }) => name === "mmgcn_cache_hits_total"));
  const events = sum(samples.filter(({ name }) => name === "mmgcn_feedback_events_total"));
  const [last] = reloads.reloads;
  return [
    el(
      "dl",
      { class: "facts" },
      fact("requests", number.format(total)),
      fact("server errors", number.format(failed), failed > 0),
      fact("refused requests", number.format(refused)),
      fact("from the cache", total ? `${Math.round((100 * hits) / total)}%` : "0%"),
      fact("feedback events", ready.feedback === "on" ? number.format(events) : ready.feedback, ready.feedback === "unavailable"),
      fact("last reload", last ? `${last.outcome} ${time(last.at)}` : `none since ${time(reloads.since)}`, last?.outcome === "refused"),
    ),
    el(
      "div",
      { class: "charts" },
      el("figure", {}, el("figcaption", {}, "Requests per second, last two minutes"), curve(rates)),
      el("figure", {}, el("figcaption", {}, "Requests by status"), statuses(requests)),
    ),
    el("h2", {}, "By route"),
    routes(samples, requests),
    el("h2", {}, "Reloads"),
    reloads.reloads.length
      ? el(
          "ul",
          { class: "events" },
          reloads.reloads.map(({ at, outcome, run, reason }) =>
            el("li", { class: outcome }, el("strong", {}, outcome), ` ${run}, ${time(at)}`, reason && el("p", { class: "problem" }, reason)),
          ),
        )
      : el("p", { class: "muted" }, `No new run since ${time(reloads.since)}. In service: ${reloads.run}.`),
  ];
}

/** @param {Sample[]} samples */
function sum(samples) {
  return samples.reduce((total, { value }) => total + value, 0);
}

/** @param {string} iso */
function time(iso) {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/**
 * @param {string} name
 * @param {string} value
 * @param {boolean} isBad
 */
function fact(name, value, isBad = false) {
  return el("div", {}, el("dt", {}, name), el("dd", { class: isBad ? "problem" : null }, value));
}

/** @param {number[]} rates */
function curve(rates) {
  const [width, height] = [360, 120];
  const highest = Math.max(1, ...rates);
  const points = rates.map((rate, index) => {
    const x = width - (rates.length - 1 - index) * (width / (NUM_POINTS - 1));
    return `${x.toFixed(1)},${(height - 14 - (rate / highest) * (height - 30)).toFixed(1)}`;
  });
  const frame = svg("svg", {
    class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Requests per second: ${(rates.at(-1) ?? 0).toFixed(1)} now, ${Math.max(0, ...rates).toFixed(1)} at most`,
  });
  frame.append(
    svg("line", { class: "grid", x1: 0, x2: width, y1: height - 14, y2: height - 14 }),
    svg("text", { class: "tick", x: 0, y: 12 }, `${highest.toFixed(0)} / s`),
    points.length > 1
      ? svg("polyline", { class: "curve tone-0", points: points.join(" ") })
      : svg("text", { class: "tick", x: width / 2, y: height / 2, "text-anchor": "middle" }, "Measuring …"),
  );
  return frame;
}

/** @param {Sample[]} requests */
function statuses(requests) {
  const counts = [...sumsBy(requests, "status")].sort(([one], [other]) => one.localeCompare(other));
  const most = Math.max(1, ...counts.map(([, count]) => count));
  return el(
    "ul",
    { class: "shares" },
    counts.map(([status, count]) => {
      const bar = el("span", { class: status < "400" ? "share" : "share bad", "aria-hidden": "true" });
      bar.style.setProperty("--share", String(count / most));
      return el("li", {}, el("span", {}, status), bar, el("span", { class: "number" }, number.format(count)));
    }),
  );
}

/**
 * @param {Sample[]} samples
 * @param {Sample[]} requests
 */
function routes(samples, requests) {
  const buckets = samples.filter(({ name }) => name === "mmgcn_request_seconds_bucket");
  const seconds = sumsBy(samples.filter(({ name }) => name === "mmgcn_request_seconds_sum"), "route");
  const rows = [...sumsBy(requests, "route")].sort(([, one], [, other]) => other - one);
  return metricsTable("Requests by route", ["requests", "mean", "50%", "99%", "errors"], rows.map(([route, count]) => {
    const own = buckets.filter(({ labels }) => labels.route === route);
    const errors = sum(requests.filter(({ labels }) => labels.route === route && labels.status.startsWith("5")));
    return el(
      "tr", {}, el("th", { scope: "row" }, route === "other" ? "page, files" : route), el("td", {}, number.format(count)),
      el("td", {}, milliseconds((seconds.get(route) ?? 0) / count)),
      [0.5, 0.99].map((quantile) => el("td", {}, bound(quantileOf(own, quantile)))),
      el("td", { class: errors ? "problem" : null }, number.format(errors)),
    );
  }));
}

/** @param {number} seconds */
function milliseconds(seconds) {
  return `${(1000 * seconds).toFixed(1)} ms`;
}

/** @param {number | null} seconds */
function bound(seconds) {
  if (seconds == null) return "";
  return seconds === Infinity ? "> 5 s" : `≤ ${number.format(1000 * seconds)} ms`;
}
