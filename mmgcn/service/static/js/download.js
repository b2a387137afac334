/** Download: a list as CSV or JSON. */

import { el } from "./dom.js";

const COLUMNS = ["rank", "item_id", "score", "caption", "creator"];
const FORMULA = /^[=+\-@\t\r]/; // what a spreadsheet would compute

/**
 * Return buttons that download a list.
 *
 * @param {string} name of the file, without suffix
 * @param {() => Card[]} cards called when a button is pressed
 */
export function downloads(name, cards) {
  return el(
    "div",
    { class: "downloads", role: "group", "aria-label": "Download this list" },
    el("button", { class: "button", click: () => save(`${name}.csv`, csv(cards()), "text/csv") }, "CSV"),
    el("button", { class: "button", click: () => save(`${name}.json`, json(cards()), "application/json") }, "JSON"),
  );
}

/** @param {Card[]} cards */
function json(cards) {
  return `${JSON.stringify(cards, null, 2)}\n`;
}

/**
 * Return a UTF-8 table with a header. Text that a spreadsheet would take for a formula gets a
 * leading apostrophe; JSON contains it unchanged.
 *
 * @param {Card[]} cards
 */
export function csv(cards) {
  const rows = cards.map((card) => COLUMNS.map((name) => cell(Reflect.get(card, name))));
  return [COLUMNS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/** @param {unknown} value */
function cell(value) {
  if (typeof value === "number") return String(value);
  if (value == null) return "";
  const text = FORMULA.test(String(value)) ? `'${value}` : String(value);
  return `"${text.replaceAll('"', '""')}"`;
}

/**
 * @param {string} name
 * @param {string} text
 * @param {string} type
 */
function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const anchor = el("a", { href: address, download: name.replace(/[^\p{L}\p{N}._-]+/gu, "_") });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
