/** Card: one video of a wall, with what may be done about it. */

import { el, icon, link, titleOf } from "./dom.js";
import { tell, wasTold } from "./feedback.js";
import { picture } from "./picture.js";
import { calm, preview } from "./player.js";
import { toast } from "./toast.js";
import { openWhy } from "./why.js";

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
  const like = likeButton(card, userId);
  const skip = el(
    "button",
    { class: "button round", "aria-label": `Skip ${titleOf(card)}`, title: "Skip (S)" },
    icon("skip"),
  );
  const why = el(
    "button",
    { class: "button why", "aria-label": `Why ${titleOf(card)}`, title: "Why this one (W)" },
    "Why",
  );
  skip.addEventListener("click", () => skipCard(item, card, userId));
  why.addEventListener("click", () => openWhy(userId, card));
  item.append(el("div", { class: "actions" }, like, skip, why));
  Object.assign(item.keys, { l: () => like.click(), s: () => skip.click(), w: () => why.click() });
}

/** Return a button that stores a like: shown at once, taken back where it was not stored. */
export function likeButton(card, userId) {
  const button = el(
    "button",
    {
      class: "button round like", title: "Like (L)",
      "aria-pressed": String(wasTold(userId, card.item_id, "like")),
      "aria-label": `Like ${titleOf(card)}`,
    },
    icon("like"),
  );
  const like = async () => {
    if (button.getAttribute("aria-pressed") === "true") return;
    button.setAttribute("aria-pressed", "true");
    try {
      await tell(userId, card.item_id, "like");
    } catch (error) {
      button.setAttribute("aria-pressed", "false");
      toast(`The like was not saved: ${error.message}`, {
        bad: true, action: "Try again", act: like,
      });
    }
  };
  button.addEventListener("click", like);
  return button;
}

/** Take a card away; store the skip once nobody has undone it. */
function skipCard(item, card, userId) {
  const wall = item.parentElement;
  const place = [...wall.children].indexOf(item);
  const hadFocus = item.contains(document.activeElement);
  item.player.stop();
  item.remove();
  const next = wall.children[Math.min(place, wall.children.length - 1)];
  if (hadFocus) next?.querySelector(".stage").focus();
  const back = () => wall.insertBefore(item, wall.children[place] ?? null);
  toast(`Skipped: ${titleOf(card)}`, {
    action: "Undo",
    act: () => {
      back();
      item.querySelector(".stage").focus();
    },
    closed: async () => {
      try {
        await tell(userId, card.item_id, "skip");
      } catch (error) {
        back();
        toast(`The skip was not saved: ${error.message}`, { bad: true });
      }
    },
  });
}
