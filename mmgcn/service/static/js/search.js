/** Search: a box that suggests users while one types. */

import { get } from "./api.js";
import { el, icon, link } from "./dom.js";

const WAIT_MS = 120;
let boxes = 0;

/**
 * Return a box that opens a user's page.
 *
 * @param {{ large?: boolean }} options
 */
export function userSearch({ large = false } = {}) {
  const label = "Search user IDs";
  const listId = `users-${++boxes}`;
  const input = el("input", {
    type: "search", placeholder: label, "aria-label": label, role: "combobox",
    "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list",
    autocomplete: "off", spellcheck: "false", enterkeyhint: "go",
  });
  const list = el("ul", { class: "options", id: listId, role: "listbox", "aria-label": "Users" });
  list.hidden = true;
  const form = el(
    "form", { class: large ? "finder large" : "finder", role: "search" }, icon("search"), input, list,
  );
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let requests = 0;
  let active = -1;

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  /** @param {string} userId */
  function go(userId) {
    clearTimeout(timer);
    requests++;
    input.value = "";
    close();
    input.blur();
    location.hash = link("user", userId);
  }

  async function suggest() {
    const mine = ++requests;
    const query = { query: input.value.trim(), limit: 8 };
    /** @type {{ users: string[] }} */
    const { users } = await get("v1/users", query).catch(() => ({ users: [] }));
    if (mine !== requests) return;
    active = -1;
    list.replaceChildren(
      ...users.map((userId, index) =>
        el(
          "li",
          {
            role: "option", id: `${listId}-${index}`, "aria-selected": "false",
            // Before the box loses the focus.
            pointerdown: (event) => {
              event.preventDefault();
              go(userId);
            },
          },
          userId,
        ),
      ),
    );
    list.hidden = !users.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
  }

  /** @param {number} step */
  function move(step) {
    const options = [...list.children];
    if (!options.length) return;
    active = (active + step + options.length) % options.length;
    for (const [index, option] of options.entries()) {
      option.setAttribute("aria-selected", String(index === active));
    }
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, WAIT_MS);
  });
  input.addEventListener("focus", suggest);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      move(event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
    } else if (event.key === "Escape") close();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const userId = active >= 0 ? list.children[active].textContent : input.value.trim();
    if (userId) go(userId);
  });
  return form;
}
