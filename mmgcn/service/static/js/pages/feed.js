/** Feed: recommended videos full screen, one at a time. */

import { replaceAddress, withParams } from "../address.js";
import { get, post, segment } from "../api.js";
import { el, icon, link, present } from "../dom.js";
import { loadPreferences, numStored, record, storedAt } from "../feedback.js";
import { calm } from "../player.js";
import { slideOf } from "../slide.js";
import { MAX_K } from "../wall.js";

const STEP = 12; // videos that are requested at once
const NUM_AHEAD = 4; // before the end of the list, when more are requested
const VISIBLE_SHARE = 0.6; // of a slide, to be the current one
let muted = true; // until the first tap; it stays so for the next feed

/**
 * Return the parts of the page: the feed of a user of the run, or of a user who selected some videos.
 *
 * @type {Page}
 */
export async function feedPage({ id: userId, params }, signal) {
  const chosen = params.getAll("item");
  const first = params.get("at");
  /** @type {[{ channels: string[] | null, modalities: string[] }, unknown]} */
  const [run] = await Promise.all([get("v1/run", {}, signal), userId && loadPreferences(userId, signal)]);
  const channels = (run.channels ?? []).filter((channel) => channel !== "id" && channel !== "popularity_prior");
  /** @type {Slide[]} */
  const slides = [];
  let current = -1;
  let goal = 0; // the slide that is scrolled to
  let requested = 0;
  let isComplete = false;
  let loading = false;

  const list = el("ul", { class: "feed", tabindex: "0", "aria-label": "Videos" });
  const said = el("p", { class: "unseen", "aria-live": "polite" });
  const isMuted = () => muted;

  function mute() {
    muted = !muted;
    for (const slide of slides) slide.showMuted();
  }

  /** Respond to a tap: the first one turns on the sound, later ones pause and play. */
  function tap() {
    if (muted) {
      mute();
      slides[current]?.play();
    } else slides[current]?.toggle();
  }

  async function more() {
    if (isComplete || loading) return;
    loading = true;
    try {
      requested = Math.min(requested + STEP + (requested ? 0 : numStored(userId, "skip")), MAX_K);
      const { items } = await listOf(userId, chosen, requested, signal);
      const known = new Set(slides.map(({ card }) => card.item_id));
      /** @param {Card} card */
      const isNew = (card) => !known.has(card.item_id) && !isSkipped(userId, card);
      for (const card of items.filter(isNew)) add(card);
      isComplete = items.length < requested || requested === MAX_K;
    } finally {
      loading = false;
    }
  }

  /**
   * @param {Card} card
   * @param {string} channel
   */
  function has(card, channel) {
    return !run.modalities.includes(channel) || !card.modalities || card.modalities.includes(channel);
  }

  /** @param {Card} card */
  function add(card) {
    const slide = slideOf(card, {
      userId: userId || null, channels: channels.filter((channel) => has(card, channel)), isMuted, onMute: mute,
      onSkip: (skipped) => (skipped ? remove(slide) : putBack(slide)),
    });
    slide.onTap(tap);
    slide.element.inert = true;
    slides.push(slide);
    list.append(slide.element);
    observer.observe(slide.element);
  }

  /** @param {Slide} slide */
  function remove(slide) {
    const index = slides.indexOf(slide);
    if (index < 0) return;
    slide.unload();
    slides.splice(index, 1);
    slide.element.remove();
    current = -1;
    show(Math.min(index, slides.length - 1));
    more().catch(() => {});
  }

  /** @param {Slide} slide */
  function putBack(slide) {
    const index = Math.max(current, 0);
    slides.splice(index, 0, slide);
    list.insertBefore(slide.element, list.children[index] ?? null);
    for (const [other, { element, unload }] of slides.entries()) {
      if (other !== index) element.inert = true;
      if (other !== index) unload();
    }
    current = -1;
    show(index);
    slide.element.scrollIntoView({ behavior: "instant", block: "start" });
  }

  /**
   * Make a slide the current one: it plays, the next one is loaded, all others are unloaded.
   *
   * @param {number} index
   */
  function show(index) {
    const slide = slides[index];
    if (!slide || index === current) return;
    const before = slides[current];
    const hadFocus = before?.element.contains(document.activeElement);
    before?.pause();
    current = goal = index;
    for (const [other, { element, load, unload }] of slides.entries()) {
      element.inert = other !== index;
      if (other === index || other === index + 1) load();
      else unload();
    }
    if (hadFocus || document.activeElement === document.body) list.focus({ preventScroll: true });
    if (!calm.matches) slide.play();
    if (userId) record(userId, slide.card.item_id, "impression");
    said.textContent = `Video ${index + 1}`;
    replaceAddress(withParams({ at: slide.card.item_id }));
    if (index >= slides.length - NUM_AHEAD) more().catch(() => {});
  }

  /** @param {number} index */
  function go(index) {
    goal = Math.max(0, Math.min(index, slides.length - 1));
    slides[goal]?.element.scrollIntoView({ behavior: calm.matches ? "instant" : "smooth", block: "start" });
  }

  const observer = new IntersectionObserver(
    (entries) => {
      const seen = entries.find(({ isIntersecting }) => isIntersecting);
      if (seen) show(slides.findIndex(({ element }) => element === seen.target));
    },
    { root: list, threshold: VISIBLE_SHARE },
  );
  const home = userId ? link("user", userId) : withParams({ at: null, list: 1, item: chosen }, "#/new");

  /** @type {Record<string, () => void>} */
  const keys = {
    arrowdown: () => go(goal + 1), arrowup: () => go(goal - 1), j: () => go(goal + 1), k: () => go(goal - 1),
    pagedown: () => go(goal + 1), pageup: () => go(goal - 1), home: () => go(0), end: () => go(slides.length - 1),
    " ": () => slides[current]?.toggle(), m: mute, escape: () => { location.hash = home; },
  };
  addEventListener(
    "keydown",
    (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
      const name = event.key.toLowerCase();
      if (name === " " && event.target instanceof Element && event.target.closest("button, a")) return;
      const act = keys[name] ?? slides[current]?.keys[name];
      if (!act) return;
      event.preventDefault();
      act();
    },
    { signal },
  );
  signal.addEventListener("abort", () => {
    observer.disconnect();
    for (const slide of slides) slide.unload();
    document.body.classList.remove("fullscreen");
  });
  addEventListener("pagehide", () => slides[current]?.pause(), { signal, capture: true });

  await more();
  if (first && !slides.some(({ card }) => card.item_id === first)) {
    const card = await get(`v1/items/${segment(first)}`, {}, signal).catch(() => null);
    if (card) {
      add(card);
      const [slide] = slides.splice(-1);
      slides.unshift(slide);
      list.prepend(slide.element);
    }
  }
  document.body.classList.add("fullscreen");
  const start = Math.max(0, slides.findIndex(({ card }) => card.item_id === first));
  requestAnimationFrame(() => {
    slides[start]?.element.scrollIntoView({ behavior: "instant", block: "start" });
    show(start);
    list.focus({ preventScroll: true });
  });
  return /** @type {Node[]} */ (present([
    el("h1", { class: "unseen" }, userId ? `Feed of user ${userId}` : "Your feed"),
    el("a", { class: "button round leave", href: home, "aria-label": "Close", title: "Close (Esc)" }, icon("close")),
    slides.length ? list : el("p", { class: "note" }, "No recommendations are left."),
    said,
  ]));
}

/**
 * Return the list of a user, or of a history.
 *
 * @param {string} userId
 * @param {string[]} chosen
 * @param {number} k
 * @param {AbortSignal} signal
 * @returns {Promise<{ items: Card[] }>}
 */
function listOf(userId, chosen, k, signal) {
  if (userId) return get(`v1/recommend/${segment(userId)}`, { k }, signal);
  return post("v1/history", { item_ids: chosen, k }, { signal });
}

/**
 * @param {string} userId
 * @param {Card} card
 */
function isSkipped(userId, card) {
  return userId !== "" && storedAt(userId, card.item_id, "skip") !== undefined;
}
