/** Why: the effect of each channel on a score, and the most similar watched videos. */

import { get } from "./api.js";
import { channelLabel, el, icon, messageOf, signed, titleOf } from "./dom.js";
import { poster, thumb } from "./poster.js";

/**
 * Open the explanation of a card in a sheet; Esc or a press beside it closes it.
 *
 * @param {string} userId
 * @param {Card} card
 */
export async function openWhy(userId, card) {
  const body = el("div", { class: "stack", "aria-live": "polite" }, el("p", { class: "muted" }, "…"));
  const close = el("button", { class: "button round", "aria-label": "Close" }, icon("close"));
  const dialog = el(
    "dialog",
    { class: "sheet", "aria-label": `Why ${titleOf(card)}` },
    el(
      "div",
      { class: "sheet-top" },
      poster(card, { class: "image tiny" }),
      el("div", {}, el("p", { class: "muted" }, "Why this video"), el("h2", {}, titleOf(card))),
      close,
    ),
    body,
  );
  const shut = () => dialog.close();
  close.addEventListener("click", shut);
  dialog.addEventListener("click", (event) => event.target === dialog && shut());
  dialog.addEventListener("close", () => {
    removeEventListener("hashchange", shut);
    dialog.remove();
  });
  addEventListener("hashchange", shut);
  document.body.append(dialog);
  dialog.showModal();
  try {
    /** @type {Explanation} */
    const why = await get("v1/explain", { user_id: userId, item_id: card.item_id });
    body.replaceChildren(partsTable(why), ...nearestOf(why, userId));
  } catch (error) {
    body.replaceChildren(el("p", { class: "problem", role: "alert" }, messageOf(error)));
  }
}

/**
 * Return the parts of a score as signed bars around zero; they add up to the score.
 *
 * @param {Explanation} explanation
 */
function partsTable({ parts, score }) {
  const values = Object.values(parts);
  const low = Math.min(0, ...values);
  const span = Math.max(0, ...values) - low || 1;
  const rows = Object.entries(parts).map(([channel, value]) => {
    const bar = el("span", { class: "bar", "data-channel": channel });
    bar.style.setProperty("--from", String((Math.min(0, value) - low) / span));
    bar.style.setProperty("--size", String(Math.abs(value) / span));
    const track = el("span", { class: "track", "aria-hidden": "true" }, bar);
    track.style.setProperty("--zero", String(-low / span));
    return el(
      "tr", {}, el("th", { scope: "row" }, channelLabel(channel)), el("td", { class: "bars" }, track),
      el("td", { class: "number" }, signed(value, 3)),
    );
  });
  return el(
    "table",
    { class: "parts" },
    el("caption", {}, "How each signal affects the score"),
    el("tbody", {}, rows),
    el(
      "tfoot",
      {},
      el("tr", {}, el("th", { scope: "row" }, "score"), el("td", {}), el("td", { class: "number" }, signed(score, 3))),
    ),
  );
}

/**
 * @param {Explanation} explanation
 * @param {string} userId
 */
function nearestOf({ nearest }, userId) {
  const groups = Object.entries(nearest).filter(([, videos]) => videos.length);
  if (!groups.length) return [];
  return [
    el("h3", {}, "Most similar watched videos"),
    ...groups.map(([channel, videos]) =>
      el(
        "section",
        { class: "similar-group", "aria-label": `Similar by ${channelLabel(channel)}` },
        el("h4", { "data-channel": channel }, channelLabel(channel)),
        el("ul", { class: "strip" }, videos.map((video) => thumb(video, userId, video.cosine))),
      ),
    ),
  ];
}
