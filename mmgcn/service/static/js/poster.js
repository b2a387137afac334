/** Posters, and small links with a poster. */

import { el, link, titleOf } from "./dom.js";

/**
 * Return the poster of an item, or a colour of its own with its id.
 *
 * @param {Item} card
 * @param {Record<string, Attribute>} attributes
 */
export function poster(card, attributes = {}) {
  const box = el(
    "span",
    { class: "image", ...attributes },
    el("span", { class: "blank", "data-text": card.item_id, "aria-hidden": "true" }),
  );
  box.style.setProperty("--hue", String(hueOf(card.item_id)));
  if (card.poster) {
    const image = el("img", { src: card.poster, alt: "", loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => image.remove());
    box.append(image);
  }
  return box;
}

/**
 * Return a small link to a video, with its similarity if that is known.
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
