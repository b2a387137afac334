/** Search: a box that offers users while somebody types. */

import { get } from "./api.js";
import { el, icon, link } from "./dom.js";

const WAIT_MS = 120;
let boxes = 0;

/** Return a box that leads to a user's page. */
export function userSearch({ label = "Find a user", large = false } = {}) {
  const listId = `users-${++boxes}`;
  const input = el("input", {
    type: "search", placeholder: label, "aria-label": label, role: "combobox",
    "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list",
    autocomplete: "off", spellcheck: "false", enterkeyhint: "go",
  });
  const list = el("ul", { class: "options", id: listId, role: "listbox", "aria-label": "Users" });
  list.hidden = true;
  const form = el("form", { class: large ? "finder large" : "finder", role: "search" }, icon("search"), input, list);
  let timer = null;
  let asked = 0;
  let active = -1;

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function go(userId) {
    clearTimeout(timer);
    asked++;
    input.value = "";
    close();
    input.blur();
    location.hash = link("user", userId);
  }

  async function offer() {
    const mine = ++asked;
    const { users } = await get("v1/users", { query: input.value.trim(), limit: 8 }).catch(() => ({ users: [] }));
    if (mine !== asked) return;
    active = -1;
    list.replaceChildren(
      ...users.map((userId, place) =>
        el(
          "li",
          {
            role: "option", id: `${listId}-${place}`, "aria-selected": "false",
            // Before the box loses its focus.
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

  function move(step) {
    const options = [...list.children];
    if (!options.length) return;
    active = (active + step + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", place === active));
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(offer, WAIT_MS);
  });
  input.addEventListener("focus", offer);
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
