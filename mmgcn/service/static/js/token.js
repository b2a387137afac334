/** Token: asked for once, kept for this tab, and given to the service as a cookie for media. */

import { el } from "./dom.js";

const KEY = "mmgcn_token";
let asking = null;

/** Return the token of this tab, or null. */
export function savedToken() {
  return sessionStorage.getItem(KEY);
}

/** Ask for a token until the service takes one. Several callers share one question. */
export function askToken(refused) {
  if (savedToken() !== refused) return Promise.resolve();
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

function ask() {
  return new Promise((resolve) => {
    const note = el("p", { class: "problem", role: "alert" });
    const input = el("input", {
      type: "password", name: "token", required: true, autocomplete: "current-password",
    });
    const form = el(
      "form",
      { method: "dialog", class: "stack" },
      el("h2", {}, "This service asks for a token"),
      el("p", { class: "muted" }, "It was chosen where the service was started, with --token."),
      el("label", { class: "field" }, "Token", input),
      note,
      el("button", { class: "button strong" }, "Go on"),
    );
    const dialog = el("dialog", { class: "sheet small", "aria-label": "Token" }, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      note.textContent = "";
      if (await openSession(input.value)) {
        sessionStorage.setItem(KEY, input.value);
        dialog.close();
        dialog.remove();
        resolve();
      } else {
        note.textContent = "The service does not know this token.";
        input.select();
      }
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Pictures and videos carry no header, so the service sets a cookie of its own. */
async function openSession(token) {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch("v1/session", { method: "POST", headers })).ok;
  } catch {
    return false; // a text that no header can carry is no token
  }
}
