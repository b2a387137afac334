/** Toast: a line at the edge that goes by itself, with at most one thing to press. */

import { el, icon } from "./dom.js";

const SHOWN_MS = 5000;

/**
 * Show a line; return what closes it.
 *
 * `closed` runs when it goes without the action: by itself, by its cross, or by the page leaving.
 */
export function toast(text, { bad = false, action = null, act = null, closed = null } = {}) {
  let done = false;
  let timer = null;
  const finish = (acted) => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    removeEventListener("pagehide", leave);
    box.remove();
    if (acted) act();
    else closed?.();
  };
  const leave = () => finish(false);
  const box = el(
    "div",
    { class: bad ? "toast bad" : "toast" },
    el("span", {}, text),
    action && el("button", { class: "button", click: () => finish(true) }, action),
    el("button", { class: "button round", "aria-label": "Close", click: leave }, icon("close")),
  );
  const wait = () => {
    timer = setTimeout(leave, SHOWN_MS);
  };
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", wait);
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("focusout", wait);
  addEventListener("pagehide", leave);
  document.getElementById("toasts").append(box);
  wait();
  return leave;
}
