/** Wall: cards in a grid, walked with the arrow keys. */

import { cardOf, shownIn } from "./card.js";
import { el } from "./dom.js";
import { note, whenSaid } from "./feedback.js";
import { calm } from "./player.js";

export const LONGEST = 1000; // list that the service gives
const SEEN_SHARE = 0.6; // of a card, to count as an impression
const touch = matchMedia("(hover: none)");

/** Return a wall of cards; options as for a card. */
export function wallOf(cards, { label, ...options }) {
  const wall = el("ul", { class: "wall", "aria-label": label });
  add(wall, cards, options);
  if (options.userId) {
    const back = el("button", { class: "button", click: () => unskip(wall) }, "Bring back the last skipped");
    wall.append(el("li", { class: "back" }, el("span", { class: "muted" }), back));
    count(wall);
    wall.addEventListener("skip", () => count(wall));
  }
  wall.addEventListener("keydown", (event) => walk(wall, event));
  wall.addEventListener("focusin", (event) => activate(wall, event.target.closest(".card")));
  return wall;
}

/** Add cards at the end of a wall. */
export function add(wall, cards, options) {
  for (const card of cards) {
    const chosen = options.chosen?.(card.item_id) ?? false;
    const item = cardOf(card, { ...options, chosen });
    item.keys.u = () => unskip(wall);
    wall.append(item);
    if (options.userId && !options.pick) watchImpression(item, card, options.userId);
    if (touch.matches && !calm.matches) watchMiddle(item);
  }
  activate(wall, wall.querySelector(".card.active") ?? shownIn(wall)[0]);
}

/** Return a list up to its k-th item that is not skipped, with the skipped ones between. */
export function upToShown(cards, k, userId) {
  let left = k;
  return cards.filter((card) => {
    if (left === 0) return false;
    if (!userId || whenSaid(userId, card.item_id, "skip") === undefined) left -= 1;
    return true;
  });
}

/** Tell how many cards of a wall are skipped. */
function count(wall) {
  wall.querySelector(".back span").textContent = `${wall.querySelectorAll(".card[hidden]").length} skipped`;
}

/** Bring back, of the cards that were skipped, the one that was last. */
function unskip(wall) {
  const skipped = [...wall.querySelectorAll(".card[hidden]")];
  skipped.sort((a, b) => b.hiddenAt - a.hiddenAt)[0]?.unskip();
}

/** Tab stops at one card of a wall, and at that card's buttons. */
function activate(wall, active) {
  if (!active) return;
  for (const item of wall.querySelectorAll(".card")) {
    item.classList.toggle("active", item === active);
    for (const part of item.querySelectorAll("a, button")) {
      part.tabIndex = item === active ? 0 : -1;
    }
  }
}

function walk(wall, event) {
  const item = event.target.closest(".card");
  if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
  const target = neighbour(shownIn(wall), item, event.key);
  if (target) {
    target.querySelector(".stage").focus();
    target.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
    event.preventDefault();
    return;
  }
  const act = item.keys[event.key.toLowerCase()];
  if (act && event.target.matches(".stage")) {
    act();
    event.preventDefault();
  }
}

function neighbour(items, item, key) {
  const place = items.indexOf(item);
  const columns = items.filter((other) => other.offsetTop === items[0].offsetTop).length;
  const steps = {
    ArrowRight: place + 1,
    ArrowLeft: place - 1,
    ArrowDown: place + columns,
    ArrowUp: place - columns,
    Home: 0,
    End: items.length - 1,
  };
  return key in steps ? items[steps[key]] : null;
}

function watchImpression(item, card, userId) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      note(userId, card.item_id, "impression");
    },
    { threshold: SEEN_SHARE },
  );
  observer.observe(item);
}

/** Where nothing can hover, what crosses the middle of the screen plays. */
function watchMiddle(item) {
  const observer = new IntersectionObserver(
    ([entry]) => (entry.isIntersecting ? item.player.play() : item.player.stop()),
    { rootMargin: "-45% 0px -45% 0px" },
  );
  observer.observe(item);
}
