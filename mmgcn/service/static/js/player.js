/** Player: the one muted preview that plays in a wall. */

import { el } from "./dom.js";
import { record } from "./feedback.js";

const MIN_SECONDS = 0.3; // a pointer that passes over a card is not a play
export const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {(() => void) | null} */
let stopCurrent = null;

/**
 * Return the preview of a card's stage; the video is created when it first plays.
 *
 * @param {HTMLElement} stage
 * @param {Card} card
 * @param {string | null} userId
 * @returns {Preview}
 */
export function preview(stage, card, userId) {
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let playing = false;
  let since = 0;

  function create() {
    const created = el("video", {
      src: card.video, preload: "none", loop: true, playsinline: true, tabindex: "-1",
      disablepictureinpicture: true, "aria-hidden": "true",
    });
    created.muted = true;
    created.addEventListener("playing", () => stage.classList.add("playing"));
    created.addEventListener("error", stop);
    const bar = el("span", { class: "progress", "aria-hidden": "true" });
    created.addEventListener("timeupdate", () => {
      const share = created.duration ? created.currentTime / created.duration : 0;
      bar.style.setProperty("--done", String(share));
    });
    stage.append(created, bar);
    return created;
  }

  function play() {
    if (playing || !card.video) return;
    stopCurrent?.();
    stopCurrent = stop;
    playing = true;
    since = performance.now();
    video ??= create();
    video.play().catch(stop);
  }

  function stop() {
    if (!playing) return;
    playing = false;
    if (stopCurrent === stop) stopCurrent = null;
    stage.classList.remove("playing");
    if (!video) return;
    video.pause();
    const seconds = (performance.now() - since) / 1000;
    if (userId && video.currentTime > 0 && seconds >= MIN_SECONDS) {
      record(userId, card.item_id, "play", Math.round(seconds * 10) / 10, video.duration);
    }
  }

  return { play, stop, toggle: () => (playing ? stop() : play()) };
}

/** Stop the current preview. */
export function stopAll() {
  stopCurrent?.();
}
