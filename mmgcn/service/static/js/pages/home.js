/** Home: choose a user. */

import { get } from "../api.js";
import { el, link, number } from "../dom.js";
import { userSearch } from "../search.js";
import { wallOf } from "../wall.js";

const inOrder = new Intl.Collator("en", { numeric: true }).compare;
const NUM_USERS = 24;
const NUM_VIDEOS = 12;

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function homePage(_route, signal) {
  const [run, { users }, { items }] = await Promise.all([
    get("v1/run", {}, signal),
    get("v1/users", { limit: NUM_USERS }, signal),
    get("v1/items", { limit: NUM_VIDEOS }, signal),
  ]);
  const ids = /** @type {string[]} */ (users).sort(inOrder);
  return [
    el(
      "section",
      { class: "hero" },
      el("h1", {}, "Whose recommendations?"),
      el(
        "p",
        { class: "lead" },
        `${number.format(run.num_users)} users, ${number.format(run.num_items)} videos. `
        + "See what a user watched, what is recommended next, and why.",
      ),
      userSearch({ large: true }),
      el(
        "ul",
        { class: "chips", "aria-label": "Some users" },
        ids.map((id) => el("li", {}, el("a", { class: "chip", href: link("user", id) }, id))),
      ),
      el(
        "p",
        { class: "muted" },
        "Not in the data? ",
        el("a", { href: "#/new" }, "Select a few videos"),
        " and get recommendations of your own.",
      ),
    ),
    el("h2", {}, "Some of the videos"),
    wallOf(items, { label: "Some of the videos" }),
  ];
}
