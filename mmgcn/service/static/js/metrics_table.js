/** A table of numbers that scrolls by itself if it is wider than the screen. */

import { el } from "./dom.js";

/**
 * @param {string} label what it shows, for screen readers
 * @param {string[]} headings of the columns after the first
 * @param {Child[]} rows
 * @param {{ wrap?: boolean }} options
 */
export function metricsTable(label, headings, rows, { wrap = false } = {}) {
  return el(
    "div",
    { class: "scroller", tabindex: "0", role: "region", "aria-label": label },
    el(
      "table",
      { class: wrap ? "metrics wrap" : "metrics" },
      el("thead", {}, el("tr", {}, el("td"), headings.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows),
    ),
  );
}
