/** Slide: one video of a feed, full screen, with its actions. */

import { likeButton } from "./card.js";
import { el, icon, link, titleOf } from "./dom.js";
import { isEnabled, record } from "./feedback.js";
import { poster } from "./poster.js";
import { toast } from "./toast.js";
import { toggleOf } from "./toggle.js";
import { openWhy } from "./why.js";

/** @type {Record<string, string>} */
const MORE = { "": "all signals", visual: "look", acoustic: "sound", textual: "caption" };

/**
 * Return a slide. Its video is created by `load` and removed by `unload`.
 *
 * @param {Card} card
 * @param {SlideOptions} options
 * @returns {Slide}
 */
export function slideOf(card, { userId, channels, isMuted, onMute, onSkip }) {
  const stage = el("div", { class: "reel" }, poster(card));
  const bar = el("span", { class: "progress", "aria-hidden": "true" });
  const hint = el("span", { class: "hint", "aria-hidden": "true" });
  const sound = el("button", { class: "button round", "aria-label": "Sound", title: "Sound (M)", click: onMute });
  const why = el("button", { class: "button why", title: "Explain (W)", click: () => openWhy(card) }, "Why");
  const like = userId && isEnabled(userId) ? likeButton(card, userId) : null;
  const skip = userId && isEnabled(userId) ? skipButton(card, userId, onSkip) : null;
  const element = el(
    "li",
    { class: "slide", "data-item": card.item_id },
    stage,
    el(
      "div",
      { class: "about" },
      el("h2", { class: "caption", dir: "auto" }, titleOf(card)),
      card.creator && el("p", { class: "creator", dir: "auto" }, card.creator),
      el(
        "p",
        { class: "more-like" },
        "More like this by ",
        ["", ...channels].map((channel) => [
          " ",
          el(
            "a",
            {
              href: link("video", card.item_id, { for: userId, by: channel }), "data-channel": channel || null,
            },
            MORE[channel] ?? channel,
          ),
        ]),
      ),
    ),
    el("div", { class: "rail" }, like, skip, why, sound),
    bar,
    hint,
  );
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let seconds = 0;
  let last = 0;
  let failed = !card.video;
  showMuted();

  function showMuted() {
    sound.replaceChildren(icon(isMuted() ? "muted" : "sound"));
    sound.setAttribute("aria-pressed", String(!isMuted()));
    if (video) video.muted = isMuted();
    const text = failed ? "This browser cannot play the video" : "Tap for sound";
    hint.textContent = failed || isMuted() ? text : "";
  }

  function load() {
    if (video || failed) return;
    video = el("video", {
      src: card.video, preload: "auto", loop: true, playsinline: true, tabindex: "-1",
      disablepictureinpicture: true, "aria-hidden": "true",
    });
    video.muted = isMuted();
    video.addEventListener("error", () => {
      failed = true;
      unload();
      showMuted();
    });
    video.addEventListener("playing", () => stage.classList.add("playing"));
    video.addEventListener("timeupdate", () => {
      if (!video) return;
      count();
      bar.style.setProperty("--done", String(video.duration ? video.currentTime / video.duration : 0));
    });
    video.addEventListener("seeking", () => { last = video?.currentTime ?? 0; });
    stage.append(video);
  }

  /** Add what has played since the last call. */
  function count() {
    if (!video) return;
    seconds += Math.max(0, video.currentTime - last);
    last = video.currentTime;
  }

  function unload() {
    if (!video) return;
    pause();
    video.remove();
    video.removeAttribute("src");
    video.load(); // the browser stops loading it
    video = null;
    stage.classList.remove("playing");
  }

  function play() {
    load();
    // If the browser refuses sound before a user gesture, the video plays muted.
    video?.play().catch((error) => {
      if (error.name !== "NotAllowedError" || !video) return;
      video.muted = true;
      video.play().catch(() => {});
    });
  }

  function pause() {
    video?.pause();
    count();
    const played = Math.round(seconds * 10) / 10;
    if (userId && played > 0) record(userId, card.item_id, "play", played, video?.duration ?? null);
    seconds = 0;
  }

  /** @type {Record<string, () => void>} */
  const keys = { w: () => why.click() };
  if (like) keys.l = () => like.click();
  if (skip) keys.s = () => skip.click();
  return {
    card, element, keys, load, unload, play, pause, showMuted,
    toggle: () => (video && !video.paused ? pause() : play()),
    onTap: (act) => stage.addEventListener("click", act),
  };
}

/**
 * Return a button that stores a skip; `onSkip(skipped)` removes the slide, or puts it back.
 *
 * @param {Card} card
 * @param {string} userId
 * @param {(skipped: boolean) => void} onSkip
 */
function skipButton(card, userId, onSkip) {
  let closeToast = () => {};
  let drawn = false;
  const { turn } = toggleOf(userId, card, "skip", (skipped) => {
    closeToast();
    if (drawn) onSkip(skipped);
  });
  drawn = true;
  return el(
    "button",
    {
      class: "button round", "aria-label": `Skip ${titleOf(card)}`, title: "Skip (S)",
      click: () => {
        turn(true);
        closeToast = toast(`Skipped: ${titleOf(card)}`, { action: "Undo", act: () => turn(false) });
      },
    },
    icon("skip"),
  );
}
