/** Why: the effect of each channel on a score, and the most similar watched videos. */

import { explainedItem, replaceAddress, selectedOf, userOf, withExplained } from "./address.js";
import { get, post, segment } from "./api.js";
import { isEnabled } from "./feedback.js";
import { channelLabel, el, icon, messageOf, signed, titleOf } from "./dom.js";
import { poster, thumb } from "./poster.js";

/** @type {HTMLDialogElement | null} */
let dialog = null;
let opened = false; // by a button of this page, so that going back closes it
/** @type {Map<string, Item>} */
const known = new Map(); // cards by item, so that the sheet has its title at once

/**
 * Open the explanation of a card. It is part of the address: going back closes it.
 *
 * @param {Item} card
 */
export function openWhy(card) {
  known.set(card.item_id, card);
  opened = true;
  location.hash = withExplained(card.item_id);
}

/**
 * Show the explanation that the address names in a sheet, or close it: for the user of the page, or
 * for a user who selected some videos.
 *
 * Esc, the button, a click outside and going back close the sheet.
 *
 * @param {Route} route
 */
export async function showWhy(route) {
  const itemId = explainedItem();
  const [userId, selected] = [userOf(route) || null, selectedOf(route)];
  closeWhy();
  if (!itemId || !(userId || selected.length)) return;
  const card = known.get(itemId) ?? (await cardOf(itemId));
  if (explainedItem() !== itemId) return;
  const body = el("div", { class: "stack", "aria-live": "polite" }, el("p", { class: "muted" }, "…"));
  const close = el("button", { class: "button round", "aria-label": "Close" }, icon("close"));
  const sheet = el(
    "dialog",
    { class: "sheet", "aria-label": `Why ${titleOf(card)}` },
    el(
      "div",
      { class: "sheet-top" },
      poster(card, { class: "image tiny" }),
      el("div", {}, el("p", { class: "muted" }, "Why this video"), el("h2", { dir: "auto" }, titleOf(card))),
      close,
    ),
    body,
  );
  dialog = sheet;
  close.addEventListener("click", () => sheet.close());
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  sheet.addEventListener("close", () => {
    sheet.remove();
    if (dialog === sheet) dialog = null;
    if (explainedItem() !== itemId) return; // the address has changed already
    if (opened) history.back();
    else replaceAddress(withExplained(null));
    opened = false;
  });
  document.body.append(sheet);
  sheet.showModal();
  try {
    /** @type {Explanation} */
    const why = userId
      ? await get("v1/explain", { user_id: userId, item_id: itemId, session: isEnabled(userId) || null })
      : await post("v1/history/explain", { item_ids: selected, item_id: itemId });
    body.replaceChildren(partsTable(why), ...nearestOf(why, userId));
  } catch (error) {
    body.replaceChildren(el("p", { class: "problem", role: "alert" }, messageOf(error)));
  }
}

/** Close the sheet. */
export function closeWhy() {
  dialog?.close();
}

/**
 * Return the card of an item; only its id if the service does not know the item.
 *
 * @param {string} itemId
 * @returns {Promise<Item>}
 */
function cardOf(itemId) {
  const unknown = { item_id: itemId, caption: null, creator: null, video: null, poster: null };
  return get(`v1/items/${segment(itemId)}`).catch(() => unknown);
}

/** @type {Record<string, string>} */
const ABSENCE = { visual: "no image", acoustic: "no sound", textual: "no caption" };

/**
 * Return the parts of a score as signed bars around zero; they add up to the score.
 *
 * A channel that the video lacks has a row without a bar.
 *
 * @param {Explanation} explanation
 */
function partsTable({ parts, missing, score }) {
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
    el("tbody", {}, rows, missing.map(absenceRow)),
    el(
      "tfoot",
      {},
      el("tr", {}, el("th", { scope: "row" }, "score"), el("td", {}), el("td", { class: "number" }, signed(score, 3))),
    ),
  );
}

/** @param {string} channel */
function absenceRow(channel) {
  const text = ABSENCE[channel] ?? `no ${channel} features`;
  return el(
    "tr", {}, el("th", { scope: "row" }, channelLabel(channel)), el("td", { class: "muted", colspan: "2" }, text),
  );
}

/**
 * @param {Explanation} explanation
 * @param {string | null} userId
 */
function nearestOf({ nearest }, userId) {
  const groups = Object.entries(nearest).filter(([, videos]) => videos.length);
  if (!groups.length) return [];
  return [
    el("h3", {}, userId ? "Most similar watched videos" : "Most similar selected videos"),
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
