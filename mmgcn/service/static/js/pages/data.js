/** Data: coverage and bias of the interactions, the modalities and the lists. */

import { get } from "../api.js";
import { channelLabel, el, number, svg } from "../dom.js";
import { metricsTable } from "../metrics_table.js";
import { statusViews } from "../status_views.js";

const SIZE = 220;
const GROUPS = /** @type {const} */ ({
  head: "popular (80% of the interactions)", tail: "less popular", cold: "cold (no interactions)",
});

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function dataPage(_route, signal) {
  /** @type {Coverage} */
  const data = await get("v1/coverage", {}, signal);
  const { popularity: skew } = data;
  const [least, , median, , most] = data.history_quantiles;
  return [
    el("div", { class: "title" }, el("h1", {}, "Data and bias"), statusViews("data")),
    el(
      "dl",
      { class: "facts" },
      fact("videos", number.format(skew.num_items)),
      fact("training interactions", number.format(skew.num_interactions)),
      fact("per user", `${number.format(least)} to ${number.format(most)}, median ${number.format(median)}`),
      fact("without interactions", `${number.format(skew.num_cold)} videos`),
      fact(`in a list of ${data.list_length}`, `${percent(data.catalogue_coverage)} of the videos`),
    ),
    el("h2", {}, "Videos in the lists"),
    el("p", { class: "muted" }, `Lists of ${data.list_length} videos for ${number.format(data.num_users)} users. Without bias of the lists, the last two columns would be equal.`),
    metricsTable("Shares of groups of videos", ["videos", "interactions", "lists"], Object.entries(GROUPS).map(([name, label]) => {
      const shares = data.groups[name];
      return el(
        "tr", {}, el("th", { scope: "row" }, label),
        [shares.items, shares.interactions, shares.lists].map((share) => el("td", {}, percent(share), bar(share))),
      );
    }), { wrap: true }),
    el(
      "div",
      { class: "charts" },
      el("figure", {}, el("figcaption", {}, "Popularity of the videos"), lorenz(data), el("p", { class: "muted" }, summary(data))),
      el("figure", {}, el("figcaption", {}, "Videos with a modality"), modalities(data.modalities)),
    ),
  ];
}

/** @param {Coverage} data */
function summary({ popularity, exposure_gini }) {
  return `The most popular tenth of the videos has ${percent(popularity.top["0.1"])} of the interactions. `
    + `Gini coefficient ${popularity.gini.toFixed(2)} of the interactions, ${exposure_gini.toFixed(2)} of the lists (0: all videos equal).`;
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

/** @param {number} share */
function percent(share) {
  const digits = share > 0 && share < 0.1 ? 1 : 0;
  return `${(100 * share).toFixed(digits)}%`;
}

/** @param {number} share */
function bar(share) {
  const own = el("span", { class: "share", "aria-hidden": "true" });
  own.style.setProperty("--share", String(share));
  return own;
}

/**
 * Return the Lorenz curve: the share of the interactions of the least popular videos.
 *
 * @param {Coverage} data
 */
function lorenz({ popularity: { lorenz: points, gini } }) {
  const edge = 34;
  const span = SIZE - edge - 8;
  /** @param {number} share */
  const across = (share) => (edge + share * span).toFixed(1);
  /** @param {number} share */
  const up = (share) => (8 + (1 - share) * span).toFixed(1);
  const path = points.map(([x, y]) => `${across(x)},${up(y)}`).join(" ");
  const frame = svg("svg", {
    class: "chart square", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img",
    "aria-label": `Lorenz curve of popularity, Gini coefficient ${gini.toFixed(2)}`,
  });
  frame.append(
    svg("line", { class: "best", x1: across(0), y1: up(0), x2: across(1), y2: up(1) }),
    svg("polyline", { class: "curve tone-0", points: path }),
    svg("text", { class: "tick", x: across(0.5), y: SIZE - 8, "text-anchor": "middle" }, "share of the videos, least popular first"),
    svg("text", { class: "tick", x: -SIZE / 2 + 10, y: 14, transform: "rotate(-90)", "text-anchor": "middle" }, "share of the interactions"),
  );
  return frame;
}

/** @param {Record<string, number>} shares */
function modalities(shares) {
  return el(
    "ul",
    { class: "shares" },
    Object.entries(shares).map(([name, share]) =>
      el("li", { "data-channel": name }, el("span", {}, channelLabel(name)), bar(share), el("span", { class: "number" }, percent(share))),
    ),
  );
}
