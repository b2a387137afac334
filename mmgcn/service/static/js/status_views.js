/** Status views: links between the pages about the service. */

import { el } from "./dom.js";

const VIEWS = { status: "Run", data: "Data and bias", health: "Health" };

/**
 * Return links to the pages about the service.
 *
 * @param {keyof VIEWS} current
 */
export function statusViews(current) {
  return el(
    "nav",
    { class: "views", "aria-label": "Status" },
    Object.entries(VIEWS).map(([name, label]) =>
      el("a", { class: "tab", href: `#/${name}`, "aria-current": name === current ? "page" : null }, label),
    ),
  );
}
