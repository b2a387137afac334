/** Facts: facts about a user, and the held-out videos in a list. */

import { get, segment } from "./api.js";
import { clusterColour, el, link, number, titleOf } from "./dom.js";
import { cardsIn } from "./card.js";

/**
 * Return the facts about a user, or null if the service has none.
 *
 * @param {string} userId
 * @param {AbortSignal} signal
 * @returns {Promise<UserFacts | null>}
 */
export function loadFacts(userId, signal) {
  return get(`v1/facts/${segment(userId)}`, {}, signal).catch((error) => {
    if (signal.aborted) throw error;
    return null;
  });
}

/**
 * Return the facts as a list.
 *
 * @param {UserFacts} facts
 */
export function factsOf({ user_id: userId, num_watched, num_candidates, test, favourites }) {
  const ranked = test.filter(({ rank }) => rank > 0);
  const best = ranked[0];
  return el(
    "dl",
    { class: "facts" },
    fact("watched", number.format(num_watched)),
    fact(
      ranked.length > 1 ? `best of ${ranked.length} held-out videos` : "held-out video",
      best
        ? el("span", {}, `rank ${number.format(best.rank)}`, el("span", { class: "muted" }, ` of ${number.format(num_candidates)}`))
        : "none for this user",
    ),
    best && fact("by popularity", `rank ${number.format(best.popular_rank)}`),
    favourites != null && favourites.length > 0 &&
      fact(
        "favourite clusters",
        favourites.map(({ card, cluster, num_watched: own }) =>
          el(
            "a",
            { class: "favourite", href: `#/map?user=${encodeURIComponent(userId)}&cluster=${cluster}` },
            sampleOf(cluster),
            el("span", { class: "name", dir: "auto" }, titleOf(card)),
            " ",
            el("span", { class: "muted" }, `${own} watched`),
          ),
        ),
        "wide",
      ),
  );
}

/** @param {number} cluster */
function sampleOf(cluster) {
  const sample = el("span", { class: "sample", "aria-hidden": "true" });
  sample.style.background = `var(${clusterColour(cluster)})`;
  return sample;
}

/**
 * @param {string} name
 * @param {Child} value
 * @param {string} kind
 */
function fact(name, value, kind = "") {
  return el("div", { class: kind }, el("dt", {}, name), el("dd", {}, value));
}

/**
 * Mark the cards of a wall that the user watched later, which were held out from training.
 *
 * @param {ParentNode} wall
 * @param {string[]} itemIds
 */
export function markHits(wall, itemIds) {
  for (const card of cardsIn(wall)) {
    if (!itemIds.includes(card.dataset.item ?? "")) continue;
    card.classList.add("hit");
    card.querySelector(".stage")?.append(
      " ", el("span", { class: "badge", title: "This user watched the video; it was held out from training" }, "held-out hit"),
    );
  }
}

/** @param {UserFacts} facts */
export function heldOut({ test }) {
  return test.map(({ item_id }) => item_id);
}

/**
 * Return links to the other views of a user.
 *
 * @param {string} userId
 * @param {string} current
 */
export function viewsOf(userId, current) {
  const views = {
    user: ["List", link("user", userId)],
    feed: ["Feed", link("feed", userId)],
    weights: ["Weights", link("weights", userId)],
    compare: ["Compare runs", link("compare", userId)],
    map: ["Map", `#/map?user=${encodeURIComponent(userId)}`],
  };
  return el(
    "nav",
    { class: "views", "aria-label": `Views of user ${userId}` },
    Object.entries(views).map(([name, [label, href]]) =>
      el("a", { class: "tab", href, "aria-current": name === current ? "page" : null }, label),
    ),
  );
}
