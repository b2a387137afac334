/** Card: one video of a wall, with its actions. */

import { el, icon, link, titleOf } from "./dom.js";
import { isEnabled, storedAt, tick } from "./feedback.js";
import { calm, preview } from "./player.js";
import { poster } from "./poster.js";
import { toast } from "./toast.js";
import { toggleOf } from "./toggle.js";
import { openWhy } from "./why.js";

let closeLast = () => {}; // the toast of the last skip; it is closed with its wall
addEventListener("hashchange", () => closeLast());

/**
 * Return a card as a list item.
 *
 * With `userId` it can be liked, skipped and explained, with `explains` only explained. With `pick`
 * it can be selected instead: `pick(card)` returns whether it is selected now.
 *
 * @param {Card} card
 * @param {CardOptions} options
 * @returns {CardElement}
 */
export function cardOf(card, { userId = null, pick = null, chosen = false, explains = false } = {}) {
  const stage = el(
    "a",
    { class: "stage", href: link("video", card.item_id, { for: userId }) },
    poster(card),
    card.rank != null && el("span", { class: "rank" }, String(card.rank)),
    " ",
    el(
      "span",
      { class: "words" },
      el("span", { class: "caption", dir: "auto" }, titleOf(card)),
      " ",
      card.creator && el("span", { class: "creator" }, card.creator),
    ),
  );
  const player = preview(stage, card, userId);
  const item = Object.assign(el("li", { class: "card", "data-item": card.item_id }, stage), {
    preview: player,
    keys: /** @type {Record<string, () => void>} */ ({ " ": player.toggle }),
  });
  stage.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse" && !calm.matches) player.play();
  });
  stage.addEventListener("pointerleave", player.stop);
  stage.addEventListener("focus", () => {
    if (stage.matches(":focus-visible") && !calm.matches) player.play();
  });
  stage.addEventListener("blur", player.stop);
  if (pick) addPick(item, stage, card, pick, chosen);
  else if (userId || explains) addActions(item, card, userId);
  return item;
}

/**
 * @param {CardElement} item
 * @param {HTMLElement} stage
 * @param {Card} card
 * @param {(card: Card) => boolean} pick
 * @param {boolean} chosen
 */
function addPick(item, stage, card, pick, chosen) {
  const mark = el("span", { class: "mark", "aria-hidden": "true" }, icon("check"));
  /** @param {boolean} on */
  const show = (on) => {
    item.classList.toggle("chosen", on);
    stage.setAttribute("aria-pressed", String(on));
  };
  stage.setAttribute("role", "button");
  stage.append(mark);
  item.keys[" "] = () => stage.click(); // as any button
  stage.addEventListener("click", (event) => {
    event.preventDefault();
    show(pick(card));
  });
  show(chosen);
}

/**
 * @param {CardElement} item
 * @param {Card} card
 * @param {string | null} userId
 */
function addActions(item, card, userId) {
  const why = el(
    "button",
    { class: "button why", "aria-label": `Why ${titleOf(card)}`, title: "Explain (W)" },
    "Why",
  );
  why.addEventListener("click", () => openWhy(card));
  item.keys.w = () => why.click();
  const actions = el("div", { class: "actions" }, why);
  item.append(actions);
  if (!userId || !isEnabled(userId)) return;
  const like = likeButton(card, userId);
  like.title = "Like (L)";
  const skip = skipButton(item, card, userId);
  actions.prepend(like, skip);
  Object.assign(item.keys, { l: () => like.click(), s: () => skip.click() });
}

/**
 * Return a button that stores a like; pressing it again cancels the like.
 *
 * @param {Card} card
 * @param {string} userId
 */
export function likeButton(card, userId) {
  const button = el(
    "button",
    { class: "button round like", title: "Like", "aria-label": `Like ${titleOf(card)}` },
    icon("like"),
  );
  /** @param {boolean} liked */
  const show = (liked) => button.setAttribute("aria-pressed", String(liked));
  button.addEventListener("click", toggleOf(userId, card, "like", show).press);
  return button;
}

/**
 * Return a button that stores a skip and hides the card, which keeps its position; see `restore`.
 *
 * @param {CardElement} item
 * @param {Card} card
 * @param {string} userId
 */
function skipButton(item, card, userId) {
  let closeToast = () => {};
  const { turn } = toggleOf(userId, card, "skip", (skipped) => {
    closeToast();
    if (skipped) hide(item, storedAt(userId, card.item_id, "skip") ?? tick());
    else item.hidden = false;
    item.dispatchEvent(new Event("skip", { bubbles: true }));
  });
  item.restore = () => {
    turn(false);
    stageOf(item)?.focus();
  };
  const button = el(
    "button",
    { class: "button round", "aria-label": `Skip ${titleOf(card)}`, title: "Skip (S)" },
    icon("skip"),
  );
  button.addEventListener("click", () => {
    button.focus(); // not every browser focuses a button that is pressed; the focus moves on from it
    turn(true);
    closeLast();
    closeToast = toast(`Skipped: ${titleOf(card)}`, { action: "Undo", act: item.restore });
    closeLast = closeToast;
  });
  return button;
}

/**
 * Return the cards of a wall.
 *
 * @param {ParentNode} wall
 * @returns {CardElement[]}
 */
export function cardsIn(wall) {
  return [...wall.querySelectorAll(".card")].map((card) => /** @type {CardElement} */ (card));
}

/**
 * Return the cards of a wall that are not skipped.
 *
 * @param {ParentNode} wall
 */
export function shownIn(wall) {
  return cardsIn(wall).filter((card) => !card.hidden);
}

/**
 * Return the part of a card that has the focus.
 *
 * @param {Element} card
 * @returns {HTMLElement | null}
 */
export function stageOf(card) {
  return card.querySelector(".stage");
}

/**
 * @param {CardElement} item
 * @param {number} when
 */
function hide(item, when) {
  const next = item.contains(document.activeElement) ? nextOf(item) : null;
  item.preview.stop();
  item.hidden = true;
  item.hiddenAt = when;
  next?.focus();
}

/**
 * Return what gets the focus after a card: the next one, the previous one, or the button to restore.
 *
 * @param {CardElement} item
 * @returns {HTMLElement | null}
 */
function nextOf(item) {
  const wall = /** @type {HTMLElement} */ (item.parentElement);
  const shown = shownIn(wall);
  const index = shown.indexOf(item);
  const next = shown[index + 1] ?? shown[index - 1];
  return next ? stageOf(next) : wall.querySelector(".back button");
}
