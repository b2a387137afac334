/** Player: the one muted preview that plays in a wall. */

import { el } from "./dom.js";
import { note } from "./feedback.js";

const SHORTEST_SECONDS = 0.3; // a pointer that passes over is no play
export const calm = matchMedia("(prefers-reduced-motion: reduce)");
let stopCurrent = null;

/** Return { play, stop, toggle } for a card's stage; the video is made when it first plays. */
export function preview(stage, card, userId) {
  let video = null;
  let playing = false;
  let since = 0;

  function make() {
    video = el("video", {
      src: card.video, preload: "none", loop: true, playsinline: true, tabindex: "-1",
      disablepictureinpicture: true, "aria-hidden": "true",
    });
    video.muted = true;
    video.addEventListener("playing", () => stage.classList.add("playing"));
    video.addEventListener("error", stop);
    const bar = el("span", { class: "progress", "aria-hidden": "true" });
    video.addEventListener("timeupdate", () => {
      bar.style.setProperty("--done", video.duration ? video.currentTime / video.duration : 0);
    });
    stage.append(video, bar);
  }

  function play() {
    if (playing || !card.video) return;
    stopCurrent?.();
    stopCurrent = stop;
    playing = true;
    since = performance.now();
    if (!video) make();
    video.play().catch(stop);
  }

  function stop() {
    if (!playing) return;
    playing = false;
    if (stopCurrent === stop) stopCurrent = null;
    video.pause();
    stage.classList.remove("playing");
    const seconds = (performance.now() - since) / 1000;
    if (userId && video.currentTime > 0 && seconds >= SHORTEST_SECONDS) {
      note(userId, card.item_id, "play", Math.round(seconds * 10) / 10);
    }
  }

  return { play, stop, toggle: () => (playing ? stop() : play()) };
}

/** Stop what plays, as when another page opens. */
export function stopAll() {
  stopCurrent?.();
}
