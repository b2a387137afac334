/** Token: entered once, kept for this tab, and set as a cookie for images and videos. */

import { el } from "./dom.js";

const KEY = "mmgcn_token";
/** @type {Promise<void> | null} */
let asking = null;

/** Return the token of this tab, or null. */
export function savedToken() {
  return sessionStorage.getItem(KEY);
}

/**
 * Ask for a token until the service accepts it. Concurrent callers share one dialog.
 *
 * @param {string | null} refused
 * @returns {Promise<void>}
 */
export function askToken(refused) {
  if (savedToken() !== refused) return Promise.resolve();
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

/** @returns {Promise<void>} */
function ask() {
  return new Promise((resolve) => {
    const note = el("p", { class: "problem", role: "alert" });
    const input = el("input", {
      type: "password", name: "token", required: true, autocomplete: "current-password",
    });
    const form = el(
      "form",
      { method: "dialog", class: "stack" },
      el("h2", {}, "Token required"),
      el("p", { class: "muted" }, "Enter the token that the service was started with (--token)."),
      el("label", { class: "field" }, "Token", input),
      note,
      el("button", { class: "button strong" }, "Continue"),
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
        note.textContent = "This token is wrong.";
        input.select();
      }
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Request the cookie of the service: images and videos cannot send a header.
 *
 * @param {string} token
 */
async function openSession(token) {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch("v1/session", { method: "POST", headers })).ok;
  } catch {
    return false; // text that a header cannot contain
  }
}
