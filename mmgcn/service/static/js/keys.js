/** Keys: a sheet with the keyboard shortcuts of the page, opened by ?. */

import { el, icon } from "./dom.js";

/** @type {[string, [string, string][]][]} */
const GROUPS = [
  ["Everywhere", [["?", "show these keys"], ["/", "search"], ["Esc", "close"]]],
  [
    "A list",
    [
      ["Arrow keys", "move"], ["Home, End", "first, last"], ["Enter", "open"], ["Space", "play"],
      ["L", "like"], ["S", "skip"], ["U", "restore the last skipped"], ["W", "explain"],
    ],
  ],
  [
    "The feed",
    [
      ["↓ ↑, J K", "next, previous"], ["Space", "pause"], ["M", "sound"], ["L", "like"], ["S", "skip"],
      ["W", "explain"], ["Esc", "back to the list"],
    ],
  ],
  ["The map", [["Arrow keys", "next point in that direction"], ["+ −", "zoom"], ["0", "full map"], ["Enter", "open"]]],
];

/** Open the sheet with ?, and the search with /. */
export function watchKeys() {
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") show();
    else if (event.key === "/") /** @type {HTMLElement | null} */ (document.querySelector("#search input"))?.focus();
    else return;
    event.preventDefault();
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.matches("input:not([type=range], [type=checkbox]), textarea, select");
}

function show() {
  const close = el("button", { class: "button round", "aria-label": "Close" }, icon("close"));
  const dialog = el(
    "dialog",
    { class: "sheet", "aria-label": "Keys" },
    el("div", { class: "row" }, el("h2", {}, "Keys"), close),
    GROUPS.map(([title, keys]) =>
      el(
        "section",
        { class: "stack" },
        el("h3", {}, title),
        el("dl", { class: "key-list" }, keys.map(([key, action]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, action)))),
      ),
    ),
  );
  const shut = () => dialog.close();
  close.addEventListener("click", shut);
  dialog.addEventListener("click", (event) => event.target === dialog && shut());
  dialog.addEventListener("close", () => {
    removeEventListener("hashchange", shut);
    dialog.remove();
  });
  addEventListener("hashchange", shut);
  document.body.append(dialog);
  dialog.showModal();
}
