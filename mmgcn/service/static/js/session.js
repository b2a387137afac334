/** Session: a list that is re-ranked at once when its user likes a video. */

import { el, titleOf } from "./dom.js";
import { whenStored } from "./feedback.js";
import { reorder } from "./wall.js";

/**
 * Return a line on how a session changed a list.
 *
 * @param {RankedList} list
 */
function lineOf({ session, items }) {
  if (!session) return "The feedback database does not answer; this list does not reflect your likes.";
  if (!session.items.length) return "Like a video, and the list moves at once.";
  const count = session.items.length;
  const cause = count === 1 ? "1 video" : `${count} videos`;
  if (!session.is_reranked) {
    return `${cause} liked or played since the training: the list changes with the next one.`;
  }
  const rose = items.filter(({ rank = 0, rank_before: before }) => (before ?? rank) > rank).length;
  return `Re-ranked by ${cause} liked or played since the training: ${rose} of ${items.length} rose.`;
}

/**
 * Return a line about the list; it also keeps the wall in the order of the list as the user likes
 * videos.
 *
 * @param {string} userId
 * @param {HTMLElement} wall
 * @param {RankedList} first the list that the wall shows
 * @param {() => Promise<RankedList>} load
 * @param {AbortSignal} signal
 */
export function sessionLine(userId, wall, first, load, signal) {
  const line = el("p", { class: "muted", role: "status" });
  let requests = 0;

  /** @param {RankedList} list */
  function show(list) {
    line.textContent = lineOf(list);
    showMoves(wall, list.items);
  }

  whenStored(async (storedBy, kind) => {
    if (storedBy !== userId || kind !== "like") return;
    const mine = ++requests;
    try {
      const list = await load();
      if (mine !== requests || signal.aborted) return;
      reorder(wall, list.items, { userId });
      show(list);
    } catch {
      if (!signal.aborted) line.textContent = "The like is stored; the list could not be loaded again.";
    }
  }, signal);
  show(first);
  return line;
}

/**
 * Mark the cards that rose, with the reason.
 *
 * @param {HTMLElement} wall
 * @param {Card[]} cards
 */
function showMoves(wall, cards) {
  const titles = new Map(cards.map((card) => [card.item_id, titleOf(card)]));
  for (const old of wall.querySelectorAll(".risen")) old.remove();
  for (const { item_id: itemId, rank = 0, rank_before: before, because } of cards) {
    const steps = (before ?? rank) - rank;
    if (steps <= 0) continue;
    const reason = because ? `, like “${titles.get(because) ?? because}”` : "";
    const text = `${steps} up${reason}`;
    const stage = wall.querySelector(`[data-item="${CSS.escape(itemId)}"] .stage`);
    stage?.append(el("span", { class: "risen", title: text }, `↑ ${steps}`, el("span", { class: "hidden" }, reason)));
  }
}
