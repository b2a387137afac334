/** Posters, and small links with a poster. */

import { post } from "./api.js";
import { el, link, titleOf } from "./dom.js";
import { calm } from "./player.js";

const NUM_FRAMES = 8; // of a sprite
const MAX_ASKED = 200; // of a request
const [SHORTEST_MS, LONGEST_MS] = [300, 2000]; // between requests
/** @type {Map<Element, Item>} */
const waiting = new Map(); // boxes whose posters are being drawn
let waitMs = SHORTEST_MS;
let isAsking = false;

/**
 * Return the poster of an item. Until it is loaded, its mean colour is shown, or if that is unknown
 * the item's own colour and its id.
 *
 * @param {Item} card
 * @param {Record<string, Attribute>} attributes
 */
export function poster(card, attributes = {}) {
  const box = el(
    "span",
    { class: "image", ...attributes },
    el("span", { class: "blank", "data-text": card.colour ? null : card.item_id, "aria-hidden": "true" }),
  );
  box.style.setProperty("--hue", String(hueOf(card.item_id)));
  if (card.colour) box.style.setProperty("--mean", card.colour);
  if (card.poster) addImage(box, card, card.poster);
  if (card.sprite) addSprite(box, card.sprite);
  return box;
}

/**
 * Play the frames of a sprite while the pointer is over a box.
 *
 * @param {HTMLElement} box
 * @param {string} address
 */
function addSprite(box, address) {
  const frames = el("span", { class: "sprite" });
  const image = new Image();
  const show = () => {
    if (box.matches(":hover") && frames.style.backgroundImage) box.append(frames);
  };
  image.addEventListener("load", () => {
    const wide = image.naturalWidth / NUM_FRAMES / image.naturalHeight / (box.clientWidth / box.clientHeight);
    frames.style.inlineSize = `${100 * Math.max(1, wide)}%`; // a frame covers the box
    frames.style.blockSize = `${100 * Math.max(1, 1 / wide)}%`;
    frames.style.backgroundImage = `url("${address}")`;
    show();
  });
  box.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse" && !calm.matches && !image.src) image.src = address;
    show();
  });
  box.addEventListener("pointerleave", () => frames.remove());
}

/**
 * @param {Element} box
 * @param {Item} card
 * @param {string} address
 */
function addImage(box, card, address) {
  const image = el("img", { src: address, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.remove());
  image.addEventListener("load", () => {
    if (image.naturalWidth > 1) return;
    image.remove(); // the colour that the service sends for a poster that it is drawing
    waiting.set(box, card);
    if (!isAsking) setTimeout(ask, waitMs);
    isAsking = true;
  });
  box.append(image);
}

/** Request which posters are drawn by now, and show those; repeat while any are missing. */
async function ask() {
  for (const box of waiting.keys()) if (!box.isConnected) waiting.delete(box);
  const asked = [...waiting].slice(0, MAX_ASKED);
  let hasNew = false;
  if (asked.length && !document.hidden) {
    /** @type {{ ready: string[], failed: string[] }} */
    const { ready, failed } = await post("v1/posters", { item_ids: [...new Set(asked.map(([, card]) => card.item_id))] })
      .catch(() => ({ ready: [], failed: [] }));
    for (const [box, card] of asked) {
      const isReady = ready.includes(card.item_id);
      // Another address: for the first one the browser still has the colour in its memory.
      if (isReady) addImage(box, card, `${card.poster}?placeholder=false`);
      if (isReady || failed.includes(card.item_id)) waiting.delete(box);
      hasNew ||= isReady;
    }
  }
  waitMs = hasNew ? SHORTEST_MS : Math.min(2 * waitMs, LONGEST_MS);
  isAsking = waiting.size > 0;
  if (isAsking) setTimeout(ask, waitMs);
}

/**
 * Return a small link to a video, with its similarity if given.
 *
 * @param {Card} card
 * @param {string | null} userId
 * @param {number | null} cosine
 */
export function thumb(card, userId, cosine = null) {
  const similarity = cosine == null ? null : `${Math.round(cosine * 100)}%`;
  return el(
    "li",
    {},
    el(
      "a",
      { class: "thumb", href: link("video", card.item_id, { for: userId }), title: titleOf(card) },
      poster(card),
      el("span", { class: "thumb-words", dir: "auto" }, titleOf(card)),
      similarity && [" ", el("span", { class: "similarity" }, similarity, el("span", { class: "unseen" }, " similar"))],
    ),
  );
}

/**
 * Return the hue of an id, the same as in reports.
 *
 * @param {string} text
 */
function hueOf(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return sum;
}
