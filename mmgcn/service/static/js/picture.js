/** Pictures: posters, and small links made of one. */

import { el, link, titleOf } from "./dom.js";

/** Return the poster, over the id's own colour where there is none. */
export function picture(card, attributes = {}) {
  const box = el(
    "span",
    { class: "picture", ...attributes },
    el("span", { class: "blank", "aria-hidden": "true" }, card.item_id),
  );
  box.style.setProperty("--hue", hueOf(card.item_id));
  if (card.poster) {
    const image = el("img", { src: card.poster, alt: "", loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => image.remove());
    box.append(image);
  }
  return box;
}

/** Return a small link to a video, with how alike it is where that is known. */
export function thumb(card, userId, cosine = null) {
  const alike = cosine == null ? null : `${Math.round(cosine * 100)}%`;
  return el(
    "li",
    {},
    el(
      "a",
      {
        class: "thumb", href: link("video", card.item_id, { for: userId }), title: titleOf(card),
        "aria-label": alike ? `${titleOf(card)}, ${alike} alike` : titleOf(card),
      },
      picture(card),
      el("span", { class: "thumb-words" }, titleOf(card)),
      alike && el("span", { class: "similarity" }, alike),
    ),
  );
}

function hueOf(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}
