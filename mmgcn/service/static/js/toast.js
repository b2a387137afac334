/** Toast: a message at the edge of the page that disappears by itself, with at most one action. */

import { byId, el, icon } from "./dom.js";

const SHOWN_MS = 5000;

/**
 * Show a message; return a function that closes it.
 * With `stays` it does not disappear by itself.
 *
 * @param {string} text
 * @param {{ bad?: boolean, stays?: boolean, action?: string | null, act?: () => void }} options
 */
export function toast(text, { bad = false, stays = false, action = null, act = () => {} } = {}) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const close = () => {
    clearTimeout(timer);
    box.remove();
  };
  const finish = () => {
    close();
    act();
  };
  const box = el(
    "div",
    { class: bad ? "toast bad" : "toast" },
    el("span", {}, text),
    action && el("button", { class: "button", click: finish }, action),
    el("button", { class: "button round", "aria-label": "Close", click: close }, icon("close")),
  );
  const wait = () => {
    if (!stays) timer = setTimeout(close, SHOWN_MS);
  };
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", wait);
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("focusout", wait);
  byId("toasts").append(box);
  wait();
  return close;
}
