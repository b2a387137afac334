/** Router: which page the address names. */

import { el, link } from "./dom.js";
import { stopAll } from "./player.js";
import { userSearch } from "./search.js";
import { homePage } from "./pages/home.js";
import { newPage } from "./pages/new.js";
import { statusPage } from "./pages/status.js";
import { userPage } from "./pages/user.js";
import { videoPage } from "./pages/video.js";

const PAGES = { "": homePage, new: newPage, user: userPage, video: videoPage, status: statusPage };
const NAMED = ["user", "video"];
const main = document.getElementById("main");
const left = new Map(); // where somebody was on a page when they left it
let shown = null;
let pressed = false; // the address changes by a press, not by going back
let leaving = new AbortController();

/** Return { name, id, params } of an address such as #/user/42?k=10. */
function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  let id = rest.join("/");
  try {
    id = decodeURIComponent(id);
  } catch {
    // A stray % is part of the id.
  }
  return { name, id, params: new URLSearchParams(query) };
}

async function show() {
  if (shown !== null) left.set(shown, { top: scrollY, item: focusedItem() });
  const hash = location.hash;
  const stays = stayed(hash);
  const place = stays ?? ((!pressed && left.get(hash)) || { top: 0 });
  const first = shown === null;
  shown = hash;
  pressed = false;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  stopAll();
  const route = parse(hash);
  const page = PAGES[route.name];
  const known = page && (!NAMED.includes(route.name) || route.id);
  for (const anchor of document.querySelectorAll(".top nav a")) {
    const here = anchor.getAttribute("href") === `#/${route.name}`;
    if (here) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  main.setAttribute("aria-busy", "true");
  let made;
  try {
    made = known ? await page(route, signal) : problem({ message: "There is no such page." }, route);
  } catch (error) {
    if (signal.aborted) return;
    made = problem(error, route);
  }
  if (signal.aborted) return;
  main.replaceChildren(...made);
  main.removeAttribute("aria-busy");
  document.title = `${main.querySelector("h1").textContent} · mmgcn`;
  scrollTo({ top: place.top, behavior: "instant" });
  if (!first) (target(place) ?? main).focus({ preventScroll: true });
}

/** Return where somebody is on a page that is drawn anew with other settings, or longer. */
function stayed(hash) {
  if (shown === null) return null;
  const [before, after] = [parse(shown), parse(hash)];
  const control = document.activeElement?.closest("main [name]")?.name;
  if (before.name !== after.name || before.id !== after.id || !(pressed || control)) return null;
  return { top: scrollY, control, from: main.querySelectorAll(".card").length };
}

/** Return what has the focus: the control that was used, the card that was left, the first new one. */
function target({ item, control, from }) {
  if (control) return main.querySelector(`[name="${control}"]`);
  const cards = [...main.querySelectorAll(".card")];
  const card = from ? cards.slice(from).find(({ hidden }) => !hidden)
    : cards.find(({ hidden, dataset }) => !hidden && dataset.item === item);
  return card?.querySelector(".stage");
}

function focusedItem() {
  return document.activeElement?.closest(".card")?.dataset.item ?? null;
}

/** What a page shows that could not be made: the service's own words, and ways on. */
function problem(error, route) {
  const nearest = error.nearest ?? [];
  const unknown = error.status === 404 && NAMED.includes(route.name);
  return [
    el("h1", {}, unknown ? `No ${route.name} “${route.id}”` : "That did not work"),
    el("p", { class: "problem", role: "alert" }, error.message),
    nearest.length > 0 && el("h2", {}, "Nearest"),
    nearest.length > 0 &&
      el(
        "ul",
        { class: "chips" },
        nearest.map((id) => el("li", {}, el("a", { class: "chip", href: link(route.name, id) }, id))),
      ),
    unknown && route.name === "user" &&
      el(
        "p", {},
        el("a", { class: "button", href: "#/new" }, "Somebody new? Choose a few videos"),
      ),
    !unknown && el("button", { class: "button", click: show }, "Try again"),
  ].filter(Boolean);
}

document.getElementById("search").append(userSearch());
addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href^='#/']");
  if (anchor) pressed = anchor.hash !== location.hash;
});
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the page, not a place on it
  main.focus();
});
addEventListener("hashchange", show);
history.scrollRestoration = "manual";
show();
