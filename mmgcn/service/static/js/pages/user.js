/** User: watched videos and recommendations. */

import { actingSwitch } from "../acting.js";
import { ApiError, get, segment } from "../api.js";
import { downloads } from "../download.js";
import { factsOf, heldOut, loadFacts, markHits, viewsOf } from "../facts.js";
import { historyOf } from "../history.js";
import { el, link, number, present } from "../dom.js";
import { isEnabled, isStored, loadPreferences, numStored } from "../feedback.js";
import { sessionLine } from "../session.js";
import { MAX_K, upToShown, wallOf } from "../wall.js";

const PAGE = 24;
const MAX_SHOWN = 96;
/** @typedef {{ k: number, diversity: number, seen: boolean }} Settings */

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function userPage({ id, params }, signal) {
  const k = within(1, Math.round(Number(params.get("k"))) || PAGE, MAX_SHOWN);
  const diversity = within(0, Number(params.get("diversity")) || 0, 1);
  const seen = params.get("seen") === "1";
  const [watched, facts] = await Promise.all([
    get(`v1/users/${segment(id)}`, {}, signal),
    loadFacts(id, signal),
    loadPreferences(id, signal),
  ]);
  // Skipped items are requested as well: they may be restored to their positions.
  const requested = Math.min(k + numStored(id, "skip"), MAX_K);
  const path = `v1/recommend/${segment(id)}`;
  const acts = isEnabled(id);
  /** @returns {Promise<RankedList>} */
  const load = async () => {
    const options = { k: requested, diversity, filter_seen: !seen };
    try {
      return await get(path, { ...options, session: acts || null }, signal);
    } catch (error) {
      if (!(acts && error instanceof ApiError && error.status === 503)) throw error;
      return get(path, options, signal); // the session is in a database that is away
    }
  };
  const list = await load();
  const items = upToShown(list.items, k, id);
  const wall = wallOf(items, { label: `Recommended for user ${id}`, userId: id });
  const loadShown = async () => {
    const now = await load();
    return { ...now, items: upToShown(now.items, k, id) };
  };
  const more = items.length < list.items.length || list.items.length === requested;
  if (facts) markHits(wall, heldOut(facts));
  return /** @type {Node[]} */ (present([
    el(
      "div",
      { class: "title" },
      el("h1", {}, `User ${id}`),
      !facts && el("p", { class: "muted" }, watched.total === 1 ? "1 video watched" : `${number.format(watched.total)} videos watched`),
      viewsOf(id, "user"),
      isStored() && actingSwitch(id),
    ),
    facts && factsOf(facts),
    watched.total > 0 && historyOf(id, watched),
    el(
      "section",
      { "aria-label": "Recommended" },
      el(
        "div",
        { class: "row" },
        el("h2", {}, "Recommended"),
        settings(id, { k, diversity, seen }),
        downloads(`user-${id}`, () => items),
      ),
      acts && items.length > 0 && sessionLine(id, wall, { ...list, items }, loadShown, signal),
      items.length
        ? wall
        : el("p", { class: "note" }, "No recommendations: this user has watched every video."),
      more && k < MAX_SHOWN &&
        el(
          "p",
          { class: "more" },
          el("a", { class: "button", href: here(id, { k: k + PAGE, diversity, seen }) }, "Show more"),
        ),
    ),
    keys(acts),
  ]));
}

/**
 * @param {number} least
 * @param {number} value
 * @param {number} most
 */
function within(least, value, most) {
  return Math.max(least, Math.min(value, most));
}

/** @param {boolean} acts */
function keys(acts) {
  const feedback = [["L", "like"], ["S", "skip"], ["U", "restore"]];
  const all = [
    ["Arrow keys", "move"], ["Enter", "open"], ["Space", "play"], ...(acts ? feedback : []), ["W", "explain"],
  ];
  return el(
    "p",
    { class: "keys muted" },
    all.flatMap(([key, action], index) => [index ? ", " : null, el("kbd", {}, key), ` ${action}`]),
  );
}

/**
 * Return the address of this page with settings.
 *
 * @param {string} id
 * @param {Settings} settings
 */
function here(id, { k, diversity, seen }) {
  return link("user", id, { k: k === PAGE ? null : k, diversity: diversity || null, seen: seen ? 1 : null });
}

/**
 * @param {string} id
 * @param {Settings} now
 */
function settings(id, now) {
  /** @param {Partial<Settings>} change */
  const go = (change) => {
    location.replace(here(id, { ...now, ...change }));
  };
  const slider = el("input", {
    type: "range", name: "diversity", min: 0, max: 0.8, step: 0.2, value: now.diversity,
    change: () => go({ diversity: Number(slider.value) }),
  });
  const box = el("input", { type: "checkbox", name: "seen", change: () => go({ seen: box.checked }) });
  box.checked = now.seen;
  return el(
    "form",
    { class: "settings", "aria-label": "Settings of the list" },
    el("label", {}, "Diversity", slider),
    el("label", {}, box, "Include watched videos"),
  );
}
