/** Toggle: a like or a skip that can be stored and cancelled. */

import { send, storedAt } from "./feedback.js";
import { messageOf } from "./dom.js";
import { toast } from "./toast.js";

/**
 * Return functions that turn a like or a skip on and off.
 *
 * `show(on)` is called at once, and again if the change was not stored. While one event is being
 * sent, the next one waits: their order matters.
 *
 * @param {string} userId
 * @param {Card} card
 * @param {Kind} kind
 * @param {(on: boolean) => void} show
 */
export function toggleOf(userId, card, kind, show) {
  const stored = () => storedAt(userId, card.item_id, kind) !== undefined;
  let on = stored();
  let sending = false;

  /** @param {boolean} wanted */
  async function turn(wanted) {
    if (wanted === on) return;
    on = wanted;
    show(on);
    if (sending) return;
    sending = true;
    while (on !== stored()) {
      const sent = on;
      try {
        await send(userId, card.item_id, kind, sent);
      } catch (error) {
        if (on === stored()) break; // pressed again meanwhile, so nothing is left to store
        on = stored();
        show(on);
        toast(`The ${kind} was not ${sent ? "saved" : "undone"}: ${messageOf(error)}`, {
          bad: true, action: "Try again", act: () => turn(sent),
        });
      }
    }
    sending = false;
  }

  show(on);
  return { turn, press: () => turn(!on) };
}
