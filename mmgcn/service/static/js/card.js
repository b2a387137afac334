/** Card: one video of a wall, with what may be done about it. */

import { el, icon, link, titleOf } from "./dom.js";
import { isTaken, tick, whenSaid } from "./feedback.js";
import { picture } from "./picture.js";
import { calm, preview } from "./player.js";
import { switchOf } from "./switch.js";
import { toast } from "./toast.js";
import { openWhy } from "./why.js";

let closeLast = () => {}; // the line of the last skip; it goes with its wall
addEventListener("hashchange", () => closeLast());

/**
 * Return a card as a list item.
 *
 * With `userId` it can be liked, skipped and explained; with `pick` it is a choice instead:
 * `pick(card)` says whether it is chosen now.
 */
export function cardOf(card, { userId = null, pick = null, chosen = false } = {}) {
  const stage = el(
    "a",
    { class: "stage", href: link("video", card.item_id, { for: userId }), "aria-label": named(card) },
    picture(card),
    card.rank != null && el("span", { class: "rank", "aria-hidden": "true" }, String(card.rank)),
    el(
      "span",
      { class: "words" },
      el("span", { class: "caption", dir: "auto" }, titleOf(card)),
      card.creator && el("span", { class: "creator" }, card.creator),
    ),
  );
  const item = el("li", { class: "card", "data-item": card.item_id }, stage);
  const player = preview(stage, card, userId);
  stage.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse" && !calm.matches) player.play();
  });
  stage.addEventListener("pointerleave", player.stop);
  stage.addEventListener("focus", () => {
    if (stage.matches(":focus-visible") && !calm.matches) player.play();
  });
  stage.addEventListener("blur", player.stop);
  item.player = player;
  item.keys = { " ": player.toggle };
  if (pick) addPick(item, stage, card, pick, chosen);
  else if (userId) addActions(item, card, userId);
  return item;
}

function named(card) {
  const rank = card.rank == null ? "" : `${card.rank}. `;
  return `${rank}${titleOf(card)}${card.creator ? `, by ${card.creator}` : ""}`;
}

function addPick(item, stage, card, pick, chosen) {
  const mark = el("span", { class: "mark", "aria-hidden": "true" }, icon("check"));
  const show = (on) => {
    item.classList.toggle("chosen", on);
    stage.setAttribute("aria-pressed", on);
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

function addActions(item, card, userId) {
  const why = el(
    "button",
    { class: "button why", "aria-label": `Why ${titleOf(card)}`, title: "Why this one (W)" },
    "Why",
  );
  why.addEventListener("click", () => openWhy(userId, card));
  item.keys.w = () => why.click();
  const actions = el("div", { class: "actions" }, why);
  item.append(actions);
  if (!isTaken()) return;
  const like = likeButton(card, userId);
  like.title = "Like (L)";
  const skip = skipButton(item, card, userId);
  actions.prepend(like, skip);
  Object.assign(item.keys, { l: () => like.click(), s: () => skip.click() });
}

/** Return a button that stores a like, and takes it back when it is pressed again. */
export function likeButton(card, userId) {
  const button = el(
    "button",
    { class: "button round like", title: "Like", "aria-label": `Like ${titleOf(card)}` },
    icon("like"),
  );
  const show = (liked) => button.setAttribute("aria-pressed", liked);
  button.addEventListener("click", switchOf(userId, card, "like", show).press);
  return button;
}

/** Return a button that stores a skip and hides the card, which keeps its place; see `unskip`. */
function skipButton(item, card, userId) {
  let closeToast = () => {};
  const { turn } = switchOf(userId, card, "skip", (skipped) => {
    closeToast();
    if (skipped) hide(item, whenSaid(userId, card.item_id, "skip") ?? tick());
    else item.hidden = false;
    item.dispatchEvent(new Event("skip", { bubbles: true }));
  });
  item.unskip = () => {
    turn(false);
    item.querySelector(".stage").focus();
  };
  const button = el(
    "button",
    { class: "button round", "aria-label": `Skip ${titleOf(card)}`, title: "Skip (S)" },
    icon("skip"),
  );
  button.addEventListener("click", () => {
    button.focus(); // not every browser focuses what is pressed; from here the focus moves on
    turn(true);
    closeLast();
    closeToast = toast(`Skipped: ${titleOf(card)}`, { action: "Undo", act: item.unskip });
    closeLast = closeToast;
  });
  return button;
}

/** Return the cards of a wall that are not skipped. */
export function shownIn(wall) {
  return [...wall.querySelectorAll(".card:not([hidden])")];
}

function hide(item, when) {
  const next = item.contains(document.activeElement) ? nextOf(item) : null;
  item.player.stop();
  item.hidden = true;
  item.hiddenAt = when;
  next?.focus();
}

/** Return what has the focus after a card: the next one, that before, or what brings them back. */
function nextOf(item) {
  const shown = shownIn(item.parentElement);
  const place = shown.indexOf(item);
  const next = shown[place + 1] ?? shown[place - 1];
  return next?.querySelector(".stage") ?? item.parentElement.querySelector(".back button");
}
