/** Why: what each channel adds to a score, and the watched videos most alike. */

import { get } from "./api.js";
import { el, icon, titleOf } from "./dom.js";
import { picture, thumb } from "./picture.js";

/** Open the reasons for a card in a sheet; Esc or a press beside it closes it. */
export async function openWhy(userId, card) {
  const body = el("div", { class: "stack", "aria-live": "polite" }, el("p", { class: "muted" }, "…"));
  const close = el("button", { class: "button round", "aria-label": "Close" }, icon("close"));
  const dialog = el(
    "dialog",
    { class: "sheet", "aria-label": `Why ${titleOf(card)}` },
    el(
      "div",
      { class: "sheet-top" },
      picture(card, { class: "picture tiny" }),
      el("div", {}, el("p", { class: "muted" }, "Why this one"), el("h2", {}, titleOf(card))),
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
    const why = await get("v1/explain", { user_id: userId, item_id: card.item_id });
    body.replaceChildren(partsTable(why), ...nearestOf(why, userId));
  } catch (error) {
    body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message));
  }
}

/** Return the parts of a score as signed bars about one zero; they add up to the score. */
export function partsTable({ parts, score }) {
  const values = Object.values(parts);
  const low = Math.min(0, ...values);
  const span = Math.max(0, ...values) - low || 1;
  const rows = Object.entries(parts).map(([channel, value]) => {
    const bar = el("span", { class: "bar", "data-channel": channel });
    bar.style.setProperty("--from", (Math.min(0, value) - low) / span);
    bar.style.setProperty("--size", Math.abs(value) / span);
    const track = el("span", { class: "track", "aria-hidden": "true" }, bar);
    track.style.setProperty("--zero", -low / span);
    return el(
      "tr", {}, el("th", { scope: "row" }, channel), el("td", { class: "bars" }, track),
      el("td", { class: "number" }, signed(value)),
    );
  });
  return el(
    "table",
    { class: "parts" },
    el("caption", {}, "What each channel adds to the score"),
    el("tbody", {}, rows),
    el(
      "tfoot",
      {},
      el("tr", {}, el("th", { scope: "row" }, "score"), el("td", {}), el("td", { class: "number" }, signed(score))),
    ),
  );
}

function nearestOf({ nearest }, userId) {
  const groups = Object.entries(nearest).filter(([, videos]) => videos.length);
  if (!groups.length) return [];
  return [
    el("h3", {}, "Watched before, and most alike"),
    ...groups.map(([channel, videos]) =>
      el(
        "section",
        { class: "similar-group", "aria-label": `Alike in ${channel}` },
        el("h4", { "data-channel": channel }, channel),
        el("ul", { class: "strip" }, videos.map((video) => thumb(video, userId, video.cosine))),
      ),
    ),
  ];
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}
