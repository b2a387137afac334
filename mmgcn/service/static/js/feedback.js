/** Feedback: impressions, plays, likes and skips, and the stored preferences. */

import { isActing } from "./acting.js";
import { ApiError, get, post, segment } from "./api.js";

const WAIT_MS = 3000;
const MAX_QUEUED = 200; // while the database is away; older events are dropped
const TIMEOUT_MS = 4000; // of loading preferences, before a page is shown without them

/**
 * `stored` is when an item was liked or skipped, by `tick`; `sent` is when this visit changed it.
 *
 * @typedef {{ stored: Map<string, number>, sent: Map<string, number> }} Group
 */

/** @type {Map<string, Group>} */
const groups = new Map(); // by user and kind: walls are redrawn, these stay
/** @type {Set<(userId: string, kind: Kind) => void>} */
const listeners = new Set();
let clock = 0;
let off = false; // whether feedback is off in this service
/** @type {object[]} */
let queue = [];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * Store a like or a skip now, or cancel it. Throws ApiError if that was not stored.
 *
 * @param {string} userId
 * @param {string} itemId
 * @param {Kind} kind
 * @param {boolean} on
 */
export async function send(userId, itemId, kind, on) {
  const event = on ? kind : `un${kind}`;
  const { stored, sent } = groupOf(userId, kind);
  sent.set(itemId, Number.POSITIVE_INFINITY);
  try {
    await post("v1/feedback", {
      events: [{ user_id: userId, item_id: itemId, event, seconds: null }],
    });
    if (on) stored.set(itemId, tick());
    else stored.delete(itemId);
    for (const listener of listeners) listener(userId, kind);
  } finally {
    sent.set(itemId, tick());
  }
}

/**
 * Call a function after each like or skip that was stored or cancelled.
 *
 * @param {(userId: string, kind: Kind) => void} listener
 * @param {AbortSignal} signal
 */
export function whenStored(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
}

/**
 * Load the preferences of a user. If the service has none, nothing changes.
 *
 * @param {string} userId
 * @param {AbortSignal} signal
 */
export async function loadPreferences(userId, signal) {
  const began = tick();
  /** @type {{ liked: string[], skipped: string[] }} */
  let preferences;
  try {
    preferences = await allOf(userId, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    off = await get("readyz", {}, signal).then(({ feedback }) => feedback === "off", () => false);
    return;
  }
  off = false;
  update(groupOf(userId, "like"), preferences.liked, began);
  update(groupOf(userId, "skip"), preferences.skipped, began);
}

/**
 * Return the preferences of a user, of all pages.
 *
 * @param {string} userId
 * @param {AbortSignal} signal
 */
async function allOf(userId, signal) {
  /** @type {{ liked: string[], skipped: string[] }} */
  const all = { liked: [], skipped: [] };
  let cursor = null;
  do {
    const page = await get(`v1/feedback/${segment(userId)}`, { cursor }, signal, TIMEOUT_MS);
    all.liked.push(...page.liked);
    all.skipped.push(...page.skipped);
    cursor = page.next;
  } while (cursor);
  return all;
}

/**
 * @param {Group} group
 * @param {string[]} itemIds newest first
 * @param {number} began when they were requested
 */
function update(group, itemIds, began) {
  const now = new Map([...itemIds].reverse().map((itemId) => [itemId, tick()]));
  for (const [itemId, when] of group.sent) {
    if (when < began) continue;
    now.delete(itemId); // the response may be older than what was pressed meanwhile
    const stored = group.stored.get(itemId);
    if (stored !== undefined) now.set(itemId, stored);
  }
  group.stored.clear();
  for (const [itemId, when] of now) group.stored.set(itemId, when);
}

/** Return whether the service stores feedback. */
export function isStored() {
  return !off;
}

/**
 * Return whether likes and skips of a user can be stored here: the page acts as the user, and the
 * service stores feedback, at least when its database answers.
 *
 * @param {string | null} userId
 */
export function isEnabled(userId) {
  return isStored() && isActing(userId);
}

/**
 * Return when a like or a skip was stored, by `tick`; undefined if there is none.
 *
 * @param {string} userId
 * @param {string} itemId
 * @param {Kind} kind
 */
export function storedAt(userId, itemId, kind) {
  return groupOf(userId, kind).stored.get(itemId);
}

/**
 * Return the number of likes or skips of a user.
 *
 * @param {string} userId
 * @param {Kind} kind
 */
export function numStored(userId, kind) {
  return groupOf(userId, kind).stored.size;
}

/** Return the next value of a logical clock. */
export function tick() {
  return ++clock;
}

/**
 * @param {string} userId
 * @param {Kind} kind
 * @returns {Group}
 */
function groupOf(userId, kind) {
  const key = JSON.stringify([userId, kind]);
  const group = groups.get(key) ?? { stored: new Map(), sent: new Map() };
  groups.set(key, group);
  return group;
}

/**
 * Store an impression or a play soon, together with others, in the background; do nothing unless the
 * page acts as the user.
 *
 * @param {string} userId
 * @param {string} itemId
 * @param {"impression" | "play"} event
 * @param {number | null} seconds
 * @param {number | null} duration duration of the video
 */
export function record(userId, itemId, event, seconds = null, duration = null) {
  if (!isEnabled(userId)) return;
  const share = seconds !== null && duration ? Math.round((seconds / duration) * 1000) / 1000 : null;
  queue.push({ user_id: userId, item_id: itemId, event, seconds, share });
  timer ??= setTimeout(() => flush(false), WAIT_MS);
}

/** @param {boolean} leaving whether the page is being closed */
async function flush(leaving) {
  clearTimeout(timer);
  timer = undefined;
  const events = queue;
  queue = [];
  if (!events.length) return;
  try {
    await post("v1/feedback", { events }, { keepalive: leaving });
  } catch (error) {
    const retry = error instanceof ApiError && [0, 429, 503].includes(error.status);
    if (retry) queue = [...events, ...queue].slice(-MAX_QUEUED);
  }
}

addEventListener("pagehide", () => flush(true));
