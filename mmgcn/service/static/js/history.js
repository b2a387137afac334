/** History: the videos that a user watched, newest first; more of them on demand. */

import { ApiError, get, MAX_LIMIT, segment } from "./api.js";
import { el, messageOf, number } from "./dom.js";
import { thumb } from "./poster.js";


/**
 * Return the section of a user's history.
 *
 * @param {string} userId
 * @param {{ watched: Card[], total: number, next: string | null }} first the newest ones
 */
export function historyOf(userId, { watched, total, next: following }) {
  const strip = el(
    "ul",
    { class: "strip", "aria-label": "Watched videos" },
    watched.map((card) => thumb(card, userId)),
  );
  let next = following;
  const more = el("button", { class: "button" });
  const label = () => {
    const left = total - strip.children.length;
    more.textContent = left > MAX_LIMIT ? `Show ${number.format(MAX_LIMIT)} more` : `Show all ${number.format(total)}`;
  };
  const note = el("p", { class: "problem", role: "alert" });
  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      /** @type {{ watched: Card[], next: string | null }} */
      const page = await get(`v1/users/${segment(userId)}`, { limit: MAX_LIMIT, cursor: next });
      const shown = strip.children.length;
      next = page.next;
      strip.append(...page.watched.map((card) => thumb(card, userId)));
      strip.classList.add("whole");
      if (!next) more.remove();
      label();
      note.textContent = "";
      strip.children[shown]?.querySelector("a")?.focus();
    } catch (error) {
      const isOld = error instanceof ApiError && error.code === "cursor_expired";
      note.textContent = isOld ? "A new run is in service. Reload the page." : messageOf(error);
    }
    more.disabled = false;
  });
  label();
  return el(
    "section",
    { "aria-label": "Watched" },
    el(
      "div",
      { class: "row" },
      el("div", { class: "title" }, el("h2", {}, "Watched"), el("p", { class: "muted" }, "newest first")),
      next && more,
    ),
    note,
    strip,
  );
}
