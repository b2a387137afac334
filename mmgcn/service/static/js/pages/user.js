/** User: what they watched, and what they get. */

import { get } from "../api.js";
import { el, link, number } from "../dom.js";
import { isTaken, learn, numSaid } from "../feedback.js";
import { thumb } from "../picture.js";
import { LONGEST, upToShown, wallOf } from "../wall.js";

const PAGE = 24;
const MOST = 96;

/** Return the parts of the page. */
export async function userPage({ id, params }, signal) {
  const k = Math.min(Number(params.get("k")) || PAGE, MOST);
  const diversity = Number(params.get("variety")) || 0;
  const seen = params.get("seen") === "1";
  const [{ watched, total }] = await Promise.all([
    get(`v1/users/${encodeURIComponent(id)}`, {}, signal),
    learn(id, signal),
  ]);
  // Skipped ones are asked for as well: they may be brought back to their places.
  const asked = Math.min(k + numSaid(id, "skip"), LONGEST);
  const path = `v1/recommend/${encodeURIComponent(id)}`;
  const list = await get(path, { k: asked, diversity, filter_seen: !seen }, signal);
  const items = upToShown(list.items, k, id);
  const more = items.length < list.items.length || list.items.length === asked;
  return [
    el(
      "div",
      { class: "title" },
      el("h1", {}, `User ${id}`),
      el("p", { class: "muted" }, total === 1 ? "1 video watched" : `${number.format(total)} videos watched`),
    ),
    watched.length > 0 &&
      el(
        "section",
        { "aria-label": "Watched" },
        el("h2", {}, "Watched"),
        el("ul", { class: "strip", "aria-label": "Watched videos" }, watched.map((card) => thumb(card, id))),
      ),
    el(
      "section",
      { "aria-label": "For you" },
      el("div", { class: "row" }, el("h2", {}, "Next"), settings(id, { k, diversity, seen })),
      items.length
        ? wallOf(items, { label: `What user ${id} gets`, userId: id })
        : el("p", { class: "note" }, "Nothing is left: this user has seen every video."),
      more && k < MOST &&
        el(
          "p",
          { class: "more" },
          el("a", { class: "button", href: here(id, { k: k + PAGE, diversity, seen }) }, "Show more"),
        ),
    ),
    el(
      "p",
      { class: "keys muted" },
      ...["Arrow keys", " walk, ", "Enter", " opens, ", "Space", " plays, ",
        ...(isTaken() ? ["L", " likes, ", "S", " skips, ", "U", " brings back, "] : []), "W", " says why."]
        .map((word, place) => (place % 2 ? word : el("kbd", {}, word))),
    ),
  ].filter(Boolean);
}

function here(id, { k, diversity, seen }) {
  return link("user", id, { k: k === PAGE ? null : k, variety: diversity || null, seen: seen ? 1 : null });
}

function settings(id, now) {
  const go = (change) => {
    location.replace(here(id, { ...now, ...change }));
  };
  const slider = el("input", {
    type: "range", name: "variety", min: 0, max: 0.8, step: 0.2, value: now.diversity,
    change: () => go({ diversity: Number(slider.value) }),
  });
  const box = el("input", { type: "checkbox", name: "seen", change: () => go({ seen: box.checked }) });
  box.checked = now.seen;
  return el(
    "form",
    { class: "settings", "aria-label": "The list" },
    el("label", {}, "Variety", slider),
    el("label", {}, box, "Watched ones too"),
  );
}
