/** Acting: the user on whose behalf feedback is stored. Without one, the page is read-only. */

import { el } from "./dom.js";

const KEY = "mmgcn_acting";

/**
 * Return whether actions on the page are stored as feedback of a user.
 *
 * @param {string | null} userId
 */
export function isActing(userId) {
  return userId !== null && sessionStorage.getItem(KEY) === userId;
}

/**
 * Return the switch of a user's page; using it redraws the page.
 *
 * @param {string} userId
 */
export function actingSwitch(userId) {
  const box = el("input", { type: "checkbox", name: "acting", role: "switch" });
  box.checked = isActing(userId);
  box.addEventListener("change", () => {
    if (box.checked) sessionStorage.setItem(KEY, userId);
    else sessionStorage.removeItem(KEY);
    dispatchEvent(new Event("pagechange"));
  });
  return el(
    "label",
    { class: "acting", title: "Likes, skips and plays are stored only while this is on, in this tab." },
    box,
    "Act as this user",
  );
}
