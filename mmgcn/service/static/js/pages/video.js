/** Video: one of them, large, and what is like it by modality. */

import { get } from "../api.js";
import { likeButton } from "../card.js";
import { el, link, titleOf } from "../dom.js";
import { isTaken, learn, note, numSaid } from "../feedback.js";
import { LONGEST, upToShown, wallOf } from "../wall.js";
import { openWhy } from "../why.js";

const K = 12;

/** Return the parts of the page. */
export async function videoPage({ id, params }, signal) {
  const userId = params.get("for");
  const [card] = await Promise.all([
    get(`v1/items/${encodeURIComponent(id)}`, {}, signal),
    userId && learn(userId, signal),
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
        card.creator && el("p", { class: "muted" }, `by ${card.creator}`),
        el("p", { class: "muted" }, "id ", el("code", {}, card.item_id)),
        userId &&
          el(
            "div",
            { class: "row start" },
            isTaken() && likeButton(card, userId),
            el("button", { class: "button", click: () => openWhy(userId, card) }, `Why for user ${userId}`),
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

function player(card, userId, signal) {
  if (!card.video) return el("p", { class: "note" }, "There is no file of this video.");
  const video = el("video", {
    src: card.video, poster: card.poster, controls: true, loop: true, playsinline: true,
    preload: "metadata", "aria-label": titleOf(card),
  });
  const note404 = el("p", { class: "note" }, "The video cannot be played: its file is gone, or this browser cannot read it.");
  video.addEventListener("error", () => video.replaceWith(note404));
  let seconds = 0;
  let last = 0;
  video.addEventListener("timeupdate", () => {
    const step = video.currentTime - last;
    if (step > 0 && step < 1) seconds += step; // a jump is a seek, not a second watched
    last = video.currentTime;
  });
  if (userId) {
    const store = () => {
      if (seconds > 0) note(userId, card.item_id, "play", Math.round(seconds * 10) / 10);
      seconds = 0;
    };
    signal.addEventListener("abort", store);
    addEventListener("pagehide", store, { signal, capture: true });
  }
  signal.addEventListener("abort", () => video.pause());
  return video;
}

/** Tabs, one a channel, and the wall of the chosen one. */
function similar(card, userId, first, signal) {
  const channels = ["", ...(card.channels ?? [])];
  const panel = el("div", { id: "similar", role: "tabpanel", tabindex: "-1", "aria-label": "Similar" });
  const tabs = channels.map((channel) =>
    el(
      "button",
      {
        class: "tab", role: "tab", "aria-controls": "similar", "data-channel": channel || null,
        click: () => choose(channel),
      },
      channel || "all",
    ),
  );
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": "Alike in" }, tabs);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = tabs.indexOf(document.activeElement);
    const next = tabs[(place + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
    event.preventDefault();
  });

  async function choose(channel) {
    tabs.forEach((tab, place) => {
      const on = channels[place] === channel;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
    });
    panel.setAttribute("aria-busy", "true");
    try {
      const path = `v1/similar/${encodeURIComponent(card.item_id)}`;
      const asked = userId ? Math.min(K + numSaid(userId, "skip"), LONGEST) : K;
      const list = await get(path, { k: asked, channel: channel || null }, signal);
      if (tabs[channels.indexOf(channel)].getAttribute("aria-selected") !== "true") return;
      const items = upToShown(list.items, K, userId);
      panel.replaceChildren(wallOf(items, { label: `Alike in ${channel || "all channels"}`, userId }));
    } catch (error) {
      if (signal.aborted) return;
      panel.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message));
    }
    panel.removeAttribute("aria-busy");
  }

  choose(channels.includes(first) ? first : "");
  return [list, panel];
}
