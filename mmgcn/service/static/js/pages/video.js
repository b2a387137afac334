/** Video: one video, large, and similar ones by channel. */

import { replaceAddress, withParams } from "../address.js";
import { get, segment } from "../api.js";
import { likeButton } from "../card.js";
import { channelLabel, el, link, messageOf, titleOf } from "../dom.js";
import { isEnabled, loadPreferences, numStored, record } from "../feedback.js";
import { poster } from "../poster.js";
import { MAX_K, upToShown, wallOf } from "../wall.js";
import { openWhy } from "../why.js";

const K = 12;

/**
 * Return the parts of the page.
 *
 * @type {Page}
 */
export async function videoPage({ id, params }, signal) {
  const userId = params.get("for");
  /** @type {[Card, unknown]} */
  const [card] = await Promise.all([
    get(`v1/items/${segment(id)}`, {}, signal),
    userId && loadPreferences(userId, signal),
  ]);
  const [tabs, panel] = similar(card, userId, params.get("by") ?? "", signal);
  return [
    el(
      "article",
      { class: "watch" },
      player(card, userId, signal),
      el(
        "div",
        { class: "about stack" },
        el("h1", {}, titleOf(card)),
        !card.caption && el("p", { class: "muted" }, "No caption"),
        card.creator && el("p", { class: "muted" }, `by ${card.creator}`),
        el("p", { class: "muted" }, "ID ", el("code", {}, card.item_id)),
        userId &&
          el(
            "div",
            { class: "row start" },
            isEnabled(userId) && likeButton(card, userId),
            el("button", { class: "button", click: () => openWhy(card) }, `Why for user ${userId}`),
            el("a", { class: "button", href: link("user", userId) }, "Back to the list"),
          ),
        el(
          "section",
          { class: "similar", "aria-label": "Similar videos" },
          el("div", { class: "row" }, el("h2", {}, "Similar"), tabs),
          panel,
        ),
      ),
    ),
  ];
}

/**
 * @param {Card} card
 * @param {string | null} userId
 * @param {AbortSignal} signal
 */
function player(card, userId, signal) {
  if (!card.video) return el("p", { class: "note" }, "This video has no file.");
  const video = el("video", {
    src: card.video, poster: card.poster, controls: true, loop: true, playsinline: true,
    preload: "metadata", "aria-label": titleOf(card),
  });
  video.addEventListener("error", () => video.replaceWith(unplayable(card)));
  let seconds = 0;
  let last = 0;
  video.addEventListener("timeupdate", () => {
    const step = video.currentTime - last;
    if (step > 0 && step < 1) seconds += step; // a longer step is a seek
    last = video.currentTime;
  });
  if (userId) {
    const store = () => {
      if (seconds > 0) record(userId, card.item_id, "play", Math.round(seconds * 10) / 10, video.duration);
      seconds = 0;
    };
    signal.addEventListener("abort", store);
    addEventListener("pagehide", store, { signal, capture: true });
  }
  signal.addEventListener("abort", () => video.pause());
  return video;
}

/**
 * Return the replacement of a video that does not play: its poster, and a download of the file.
 *
 * @param {Card} card
 */
function unplayable(card) {
  return el(
    "div",
    { class: "unplayable stack" },
    el("div", { class: "still" }, poster(card)),
    el("p", { class: "muted" }, "This browser cannot play the video."),
    el("a", { class: "button", href: card.video, download: "" }, "Download the file"),
  );
}

/**
 * Return tabs, one per channel, and the wall of the selected one.
 *
 * @param {Card} card
 * @param {string | null} userId
 * @param {string} first the channel that is selected at first
 * @param {AbortSignal} signal
 */
function similar(card, userId, first, signal) {
  const channels = ["", ...(card.channels ?? [])];
  const panel = el("div", { id: "similar", role: "tabpanel", tabindex: "-1", "aria-label": "Similar" });
  const tabs = channels.map((channel) =>
    el(
      "button",
      {
        class: "tab", role: "tab", "aria-controls": "similar", "data-channel": channel || null,
        click: () => {
          replaceAddress(withParams({ by: channel || null }));
          choose(channel);
        },
      },
      channelLabel(channel) || "all signals",
    ),
  );
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": "Similar by" }, tabs);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = tabs.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const next = tabs[(index + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
    event.preventDefault();
  });

  /** @param {string} channel */
  async function choose(channel) {
    tabs.forEach((tab, index) => {
      const on = channels[index] === channel;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
    });
    panel.setAttribute("aria-busy", "true");
    try {
      const path = `v1/similar/${segment(card.item_id)}`;
      const requested = userId ? Math.min(K + numStored(userId, "skip"), MAX_K) : K;
      const found = await get(path, { k: requested, channel: channel || null }, signal);
      if (tabs[channels.indexOf(channel)].getAttribute("aria-selected") !== "true") return;
      const items = upToShown(found.items, K, userId);
      const label = `Similar by ${channelLabel(channel) || "all signals"}`;
      panel.replaceChildren(wallOf(items, { label, userId }));
    } catch (error) {
      if (signal.aborted) return;
      panel.replaceChildren(el("p", { class: "problem", role: "alert" }, messageOf(error)));
    }
    panel.removeAttribute("aria-busy");
  }

  choose(channels.includes(first) ? first : "");
  return [list, panel];
}
