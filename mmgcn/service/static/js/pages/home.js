/** Home: choose whose list to see. */

import { get } from "../api.js";
import { el, link, number } from "../dom.js";
import { userSearch } from "../search.js";
import { wallOf } from "../wall.js";

const inOrder = new Intl.Collator("en", { numeric: true }).compare;
const NUM_USERS = 24;
const NUM_VIDEOS = 12;

/** Return the parts of the page. */
export async function homePage(_route, signal) {
  const [run, { users }, { items }] = await Promise.all([
    get("v1/run", {}, signal),
    get("v1/users", { limit: NUM_USERS }, signal),
    get("v1/items", { limit: NUM_VIDEOS }, signal),
  ]);
  return [
    el(
      "section",
      { class: "hero" },
      el("h1", {}, "Whose list?"),
      el(
        "p",
        { class: "lead" },
        `${number.format(run.num_users)} people, ${number.format(run.num_items)} videos. `
        + "See what somebody watched, what they should see next, and why.",
      ),
      userSearch({ label: "A user’s id", large: true }),
      el(
        "ul",
        { class: "chips", "aria-label": "Some users" },
        users.sort(inOrder).map((id) => el("li", {}, el("a", { class: "chip", href: link("user", id) }, id))),
      ),
      el(
        "p",
        { class: "muted" },
        "Not among them? ",
        el("a", { href: "#/new" }, "Choose a few videos"),
        " and get a list of your own.",
      ),
    ),
    el("h2", {}, "Some of the videos"),
    wallOf(items, { label: "Some of the videos" }),
  ];
}
