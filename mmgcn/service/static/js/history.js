/** History: the videos that a user watched, the newest first, all of them on demand. */

import { get } from "./api.js";
import { el, messageOf, number } from "./dom.js";
import { thumb } from "./poster.js";

const MAX_LIMIT = 1000; // of a list of the service

/**
 * Return the section of a user's history.
 *
 * @param {string} userId
 * @param {Card[]} watched the newest ones
 * @param {number} total
 */
export function historyOf(userId, watched, total) {
  const strip = el(
    "ul",
    { class: "strip", "aria-label": "Watched videos" },
    watched.map((card) => thumb(card, userId)),
  );
  const count = Math.min(total, MAX_LIMIT);
  const more = el("button", { class: "button" }, `Show ${count === total ? "all " : ""}${number.format(count)}`);
  const note = el("p", { class: "problem", role: "alert" });
  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      /** @type {{ watched: Card[] }} */
      const all = await get(`v1/users/${encodeURIComponent(userId)}`, { limit: MAX_LIMIT });
      strip.replaceChildren(...all.watched.map((card) => thumb(card, userId)));
      strip.classList.add("whole");
      more.remove();
      note.textContent = "";
      /** @type {HTMLElement | null} */ (strip.children[watched.length]?.querySelector("a"))?.focus();
    } catch (error) {
      note.textContent = messageOf(error);
      more.disabled = false;
    }
  });
  return el(
    "section",
    { "aria-label": "Watched" },
    el(
      "div",
      { class: "row" },
      el("div", { class: "title" }, el("h2", {}, "Watched"), el("p", { class: "muted" }, "newest first")),
      total > watched.length && more,
    ),
    note,
    strip,
  );
}
