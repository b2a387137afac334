/** Switch: a like or a skip, given and taken back. */

import { tell, whenSaid } from "./feedback.js";
import { toast } from "./toast.js";

/**
 * Return what turns a like or a skip on and off.
 *
 * `show(on)` runs at once, and again where that was not stored. While one event is on its way the
 * next one waits, for their order counts.
 */
export function switchOf(userId, card, kind, show) {
  const stored = () => whenSaid(userId, card.item_id, kind) !== undefined;
  let on = stored();
  let sending = false;

  async function turn(wanted) {
    if (wanted === on) return;
    on = wanted;
    show(on);
    if (sending) return;
    sending = true;
    while (on !== stored()) {
      const sent = on;
      try {
        await tell(userId, card.item_id, kind, sent);
      } catch (error) {
        if (on === stored()) break; // pressed again meanwhile: that is as it was
        on = stored();
        show(on);
        toast(`The ${kind} was not ${sent ? "saved" : "taken back"}: ${error.message}`, {
          bad: true, action: "Try again", act: () => turn(sent),
        });
      }
    }
    sending = false;
  }

  show(on);
  return { turn, press: () => turn(!on) };
}
