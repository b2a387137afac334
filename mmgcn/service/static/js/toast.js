/** Toast: a line at the edge that goes by itself, with at most one thing to press. */

import { el, icon } from "./dom.js";

const SHOWN_MS = 5000;

/** Show a line; return what closes it. */
export function toast(text, { bad = false, action = null, act = null } = {}) {
  let timer = null;
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
    timer = setTimeout(close, SHOWN_MS);
  };
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", wait);
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("focusout", wait);
  document.getElementById("toasts").append(box);
  wait();
  return close;
}
