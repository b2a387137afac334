/** Router: shows the page of the address. */

import { isSamePage, parse } from "./address.js";
import { ApiError } from "./api.js";
import { cardsIn, stageOf } from "./card.js";
import { byId, el, link, messageOf, present } from "./dom.js";
import { watchKeys } from "./keys.js";
import { comparePage } from "./pages/compare.js";
import { dataPage } from "./pages/data.js";
import { feedPage } from "./pages/feed.js";
import { healthPage } from "./pages/health.js";
import { homePage } from "./pages/home.js";
import { mapPage } from "./pages/map.js";
import { newPage } from "./pages/new.js";
import { statusPage } from "./pages/status.js";
import { userPage } from "./pages/user.js";
import { videoPage } from "./pages/video.js";
import { weightsPage } from "./pages/weights.js";
import { stopAll } from "./player.js";
import { watchRun } from "./run_notice.js";
import { userSearch } from "./search.js";
import { closeWhy, showWhy } from "./why.js";

/**
 * Position on a page: how far it is scrolled, and what has the focus.
 *
 * @typedef {{ top: number, item?: string | null, control?: string | null, from?: number }} Position
 */

/** @type {Record<string, Page>} */
const PAGES = {
  "": homePage, new: newPage, user: userPage, feed: feedPage, weights: weightsPage, compare: comparePage,
  video: videoPage, map: mapPage, status: statusPage, data: dataPage, health: healthPage,
};
/** @type {Record<string, string>} */
const SUBJECTS = {
  "": "The start page", new: "This page", feed: "The feed", map: "The map", status: "The status",
  data: "This page", health: "The health of the service",
};
const NAMED = ["user", "video", "weights", "compare"];
const STATUS = ["status", "data", "health"]; // one entry at the top
const main = byId("main");
/** @type {Map<string, Position>} */
const left = new Map(); // by address, when its page was left
/** @type {string | null} */
let shown = null;
let pressed = false; // whether the address changes by a link, not by going back
let leaving = new AbortController();

/** Show the page of the address, or only the explanation above it if the page stays the same. */
function navigate() {
  if (shown === null || !isSamePage(shown, location.hash)) return show();
  shown = location.hash;
  pressed = false;
  showWhy(parse(shown));
}

async function show() {
  if (shown !== null) left.set(shown, { top: scrollY, item: focusedItem() });
  const hash = location.hash;
  const position = stayed(hash) ?? ((!pressed && left.get(hash)) || { top: 0 });
  const first = shown === null;
  shown = hash;
  pressed = false;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  stopAll();
  closeWhy();
  const route = parse(hash);
  markCurrent(route);
  main.setAttribute("aria-busy", "true");
  let parts;
  try {
    parts = await partsOf(route, signal);
  } catch (error) {
    if (signal.aborted) return;
    parts = problem(error, route);
  }
  if (signal.aborted) return;
  main.replaceChildren(...parts);
  main.removeAttribute("aria-busy");
  document.title = `${main.querySelector("h1")?.textContent} · mmgcn`;
  scrollTo({ top: position.top, behavior: "instant" });
  if (!first) (target(position) ?? main).focus({ preventScroll: true });
  showWhy(route);
}

/**
 * @param {Route} route
 * @param {AbortSignal} signal
 */
async function partsOf(route, signal) {
  const page = PAGES[route.name];
  if (page && (route.id || !NAMED.includes(route.name))) return page(route, signal);
  return [
    el("h1", {}, "Page not found"),
    el("p", {}, el("a", { class: "button", href: "#/" }, "Open the start page")),
  ];
}

/** @param {Route} route */
function markCurrent(route) {
  for (const anchor of document.querySelectorAll(".top nav a")) {
    const name = STATUS.includes(route.name) ? "status" : route.name;
    if (anchor.getAttribute("href") === `#/${name}`) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
}

/**
 * Return the position on a page that is redrawn with other settings or more cards; null for another
 * page.
 *
 * @param {string} hash
 * @returns {Position | null}
 */
function stayed(hash) {
  if (shown === null) return null;
  const [before, after] = [parse(shown), parse(hash)];
  const control = document.activeElement?.closest("main [name]")?.getAttribute("name");
  if (before.name !== after.name || before.id !== after.id || !(pressed || control)) return null;
  return { top: scrollY, control, from: cardsIn(main).length };
}

/**
 * Return what gets the focus: the control that was used, the card that was left, or the first new
 * card.
 *
 * @param {Position} position
 * @returns {HTMLElement | null | undefined}
 */
function target({ item, control, from }) {
  if (control) return /** @type {HTMLElement | null} */ (main.querySelector(`[name="${control}"]`));
  const cards = cardsIn(main);
  const card = from
    ? cards.slice(from).find(({ hidden }) => !hidden)
    : cards.find(({ hidden, dataset }) => !hidden && dataset.item === item);
  return card ? stageOf(card) : null;
}

function focusedItem() {
  return document.activeElement?.closest(".card")?.getAttribute("data-item") ?? null;
}

/**
 * Return the parts of a page that failed: what failed, the service's message, and what to do.
 *
 * @param {unknown} error
 * @param {Route} route
 */
function problem(error, route) {
  const { status, nearest } = error instanceof ApiError ? error : { status: 0, nearest: [] };
  const subject = SUBJECTS[route.name] ?? `${route.name === "video" ? "Video" : "User"} ${route.id}`;
  const kind = route.name === "video" ? "video" : "user";
  const unknown = status === 404 && NAMED.includes(route.name);
  return present([
    el("h1", {}, unknown ? `No ${kind} “${route.id}”` : `${subject} could not be loaded`),
    el("p", { class: "problem", role: "alert" }, messageOf(error)),
    nearest.length > 0 && el("h2", {}, "Similar IDs"),
    nearest.length > 0 &&
      el(
        "ul",
        { class: "chips" },
        nearest.map((id) => el("li", {}, el("a", { class: "chip", href: link(route.name, id) }, id))),
      ),
    unknown && kind === "user" &&
      el("p", {}, el("a", { class: "button", href: "#/new" }, "Select a few videos instead")),
    !unknown && el("button", { class: "button", click: show }, "Try again"),
  ]);
}

byId("search").append(userSearch());
addEventListener("click", (event) => {
  const anchor = event.target instanceof Element && event.target.closest("a[href^='#/']");
  if (anchor instanceof HTMLAnchorElement) pressed = anchor.hash !== location.hash;
});
document.querySelector(".skip-link")?.addEventListener("click", (event) => {
  event.preventDefault(); // the address is that of the page, not a position on it
  main.focus();
});
addEventListener("hashchange", navigate);
addEventListener("pagechange", show); // what is shown changes, and the address does not
addEventListener("addressreplaced", () => {
  shown = location.hash;
});
history.scrollRestoration = "manual";
watchKeys();
watchRun();
navigate();
