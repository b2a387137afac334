/** Feedback: what a person saw, played, liked and skipped, on its way to the database. */

import { get, post } from "./api.js";

const WAIT_MS = 3000;
const MOST_KEPT = 200; // what waits for a database that is away; older ones are dropped
const LONGEST_MS = 4000; // a page waits no longer to learn what was said
const groups = new Map(); // by user and kind: walls are drawn anew, these stay
let clock = 0;
let off = false; // whether this service takes no feedback at all
let waiting = [];
let timer = null;

/** Store a like or a skip now, or take it back. Raises ApiError when that was not stored. */
export async function tell(userId, itemId, kind, on) {
  const event = on ? kind : `un${kind}`;
  const { stored, told } = groupOf(userId, kind);
  told.set(itemId, Infinity);
  try {
    await post("v1/feedback", {
      events: [{ user_id: userId, item_id: itemId, event, seconds: null }],
    });
    if (on) stored.set(itemId, tick());
    else stored.delete(itemId);
  } finally {
    told.set(itemId, tick());
  }
}

/** Learn from the service what a user likes and skips. Where it does not tell, nothing changes. */
export async function learn(userId, signal) {
  const began = tick();
  let said;
  try {
    said = await get(`v1/feedback/${encodeURIComponent(userId)}`, {}, signal, LONGEST_MS);
  } catch (error) {
    if (signal.aborted) throw error;
    off = await get("readyz", {}, signal).then(({ feedback }) => feedback === "off", () => false);
    return;
  }
  off = false;
  for (const [kind, itemIds] of [["like", said.liked], ["skip", said.skipped]]) {
    const group = groupOf(userId, kind);
    const now = new Map(itemIds.reverse().map((itemId) => [itemId, tick()])); // the latest last
    for (const [itemId, when] of group.told) {
      if (when < began) continue;
      now.delete(itemId); // the answer may be older than what was pressed meanwhile
      if (group.stored.has(itemId)) now.set(itemId, group.stored.get(itemId));
    }
    group.stored.clear();
    now.forEach((when, itemId) => group.stored.set(itemId, when));
  }
}

/** Return whether likes and skips are taken, at least when the database is there. */
export function isTaken() {
  return !off;
}

/** Return when a like or a skip was said, by `tick`; undefined if it was not, or was taken back. */
export function whenSaid(userId, itemId, kind) {
  return groupOf(userId, kind).stored.get(itemId);
}

/** Return how many likes or skips of a user are known. */
export function numSaid(userId, kind) {
  return groupOf(userId, kind).stored.size;
}

/** Return the next time of a clock that tells no more than what came first. */
export function tick() {
  return ++clock;
}

/** Return { stored, told }: what is in the database, and what this visit told it; items and times. */
function groupOf(userId, kind) {
  const key = JSON.stringify([userId, kind]);
  if (!groups.has(key)) groups.set(key, { stored: new Map(), told: new Map() });
  return groups.get(key);
}

/** Store an impression or a play soon, together with others; nobody waits for it. */
export function note(userId, itemId, event, seconds = null) {
  if (off) return;
  waiting.push({ user_id: userId, item_id: itemId, event, seconds });
  timer ??= setTimeout(() => flush(false), WAIT_MS);
}

async function flush(leaving) {
  clearTimeout(timer);
  timer = null;
  const events = waiting;
  waiting = [];
  if (!events.length) return;
  try {
    await post("v1/feedback", { events }, { keepalive: leaving });
  } catch (error) {
    const worthKeeping = [0, 429, 503].includes(error.status);
    if (worthKeeping) waiting = [...events, ...waiting].slice(-MOST_KEPT);
  }
}

addEventListener("pagehide", () => flush(true));
