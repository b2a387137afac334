/** Wall: cards in a grid, with arrow keys. */

import { cardOf, cardsIn, shownIn, stageOf } from "./card.js";
import { el } from "./dom.js";
import { record, storedAt } from "./feedback.js";
import { calm } from "./player.js";

export const MAX_K = 1000; // of a list of the service
const VISIBLE_SHARE = 0.6; // of a card, to count as an impression
const touch = matchMedia("(hover: none)");

/**
 * Return a wall of cards.
 *
 * @param {Card[]} cards
 * @param {WallOptions & { label: string }} options
 */
export function wallOf(cards, { label, ...options }) {
  const wall = el("ul", { class: "wall", "aria-label": label });
  add(wall, cards, options);
  if (options.userId) {
    const restore = el("button", { class: "button", click: () => restoreLast(wall) }, "Restore the last one");
    wall.append(el("li", { class: "back" }, el("span", { class: "muted" }), restore));
    showCount(wall);
    wall.addEventListener("skip", () => {
      showCount(wall);
      showRanks(wall);
    });
  }
  showRanks(wall);
  wall.addEventListener("keydown", (event) => onKey(wall, event));
  wall.addEventListener("focusin", (event) => activate(wall, cardAt(event)));
  return wall;
}

/**
 * @param {HTMLElement} wall
 * @param {Card[]} cards
 * @param {WallOptions} options
 */
function add(wall, cards, { userId = null, pick = null, chosen = () => false, explains = false }) {
  for (const card of cards) {
    const item = cardOf(card, { userId, pick, chosen: chosen(card.item_id), explains });
    item.keys.u = () => restoreLast(wall);
    wall.append(item);
    if (userId && !pick) recordImpression(item, card, userId);
    if (touch.matches && !calm.matches) playInMiddle(item);
  }
  activate(wall, shownIn(wall)[0]);
}

/**
 * Bring the cards of a wall into the order of a list. Cards that stay keep their element, so that
 * previews continue and the focus stays.
 *
 * @param {HTMLElement} wall
 * @param {Card[]} cards
 * @param {WallOptions} options
 */
export function reorder(wall, cards, options) {
  const before = new Map(cardsIn(wall).map((item) => [item.dataset.item, item]));
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const active = wall.querySelector(".card.active");
  const back = wall.querySelector(".back");
  add(wall, cards.filter(({ item_id: id }) => !before.has(id)), options);
  const after = new Map(cardsIn(wall).map((item) => [item.dataset.item, item]));
  const listed = new Set(cards.map(({ item_id: id }) => id));
  for (const [id, item] of before) if (!listed.has(String(id)) && !item.hidden) item.remove();
  for (const { item_id: id } of cards) wall.insertBefore(/** @type {Node} */ (after.get(id)), back);
  activate(wall, /** @type {CardElement | null} */ (active?.isConnected ? active : shownIn(wall)[0]));
  showRanks(wall);
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

/**
 * Return a list up to its k-th item that is not skipped, with the skipped ones between.
 *
 * @param {Card[]} cards
 * @param {number} k
 * @param {string | null} userId
 */
export function upToShown(cards, k, userId) {
  let left = k;
  return cards.filter((card) => {
    if (left === 0) return false;
    if (!userId || storedAt(userId, card.item_id, "skip") === undefined) left -= 1;
    return true;
  });
}

/**
 * Show the number of skipped cards.
 *
 * @param {HTMLElement} wall
 */
function showCount(wall) {
  const text = wall.querySelector(".back span");
  if (text) text.textContent = `${skippedIn(wall).length} skipped`;
}

/**
 * Number the cards of a ranked list from 1, without the skipped ones.
 *
 * @param {HTMLElement} wall
 */
function showRanks(wall) {
  for (const [index, item] of shownIn(wall).entries()) {
    const rank = item.querySelector(".rank");
    if (rank) rank.textContent = String(index + 1);
  }
}

/** @param {HTMLElement} wall */
function skippedIn(wall) {
  return cardsIn(wall).filter((card) => card.hidden);
}

/**
 * Restore the card that was skipped last.
 *
 * @param {HTMLElement} wall
 */
function restoreLast(wall) {
  const skipped = skippedIn(wall);
  skipped.sort((a, b) => (b.hiddenAt ?? 0) - (a.hiddenAt ?? 0))[0]?.restore?.();
}

/**
 * Return the card of an event's target.
 *
 * @param {Event} event
 * @returns {CardElement | null}
 */
function cardAt(event) {
  return event.target instanceof Element ? event.target.closest(".card") : null;
}

/**
 * Make one card of a wall, and its buttons, reachable by Tab.
 *
 * @param {HTMLElement} wall
 * @param {CardElement | null | undefined} active
 */
function activate(wall, active) {
  if (!active) return;
  for (const item of cardsIn(wall)) {
    item.classList.toggle("active", item === active);
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (item.querySelectorAll("a, button"))) {
      part.tabIndex = item === active ? 0 : -1;
    }
  }
}

/**
 * @param {HTMLElement} wall
 * @param {KeyboardEvent} event
 */
function onKey(wall, event) {
  const item = cardAt(event);
  if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
  const target = neighbour(shownIn(wall), item, event.key);
  if (target) {
    stageOf(target)?.focus();
    target.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
    event.preventDefault();
    return;
  }
  const act = item.keys[event.key.toLowerCase()];
  if (act && event.target === stageOf(item)) {
    act();
    event.preventDefault();
  }
}

/**
 * @param {CardElement[]} items
 * @param {CardElement} item
 * @param {string} key
 * @returns {CardElement | undefined}
 */
function neighbour(items, item, key) {
  const index = items.indexOf(item);
  const columns = items.filter((other) => other.offsetTop === items[0].offsetTop).length;
  /** @type {Record<string, number>} */
  const targets = {
    ArrowRight: index + 1,
    ArrowLeft: index - 1,
    ArrowDown: index + columns,
    ArrowUp: index - columns,
    Home: 0,
    End: items.length - 1,
  };
  return items[targets[key]];
}

/**
 * @param {CardElement} item
 * @param {Card} card
 * @param {string} userId
 */
function recordImpression(item, card, userId) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      record(userId, card.item_id, "impression");
    },
    { threshold: VISIBLE_SHARE },
  );
  observer.observe(item);
}

/**
 * Play the card in the middle of the screen, on devices without a hovering pointer.
 *
 * @param {CardElement} item
 */
function playInMiddle(item) {
  const observer = new IntersectionObserver(
    ([entry]) => (entry.isIntersecting ? item.preview.play() : item.preview.stop()),
    { rootMargin: "-45% 0px -45% 0px" },
  );
  observer.observe(item);
}
