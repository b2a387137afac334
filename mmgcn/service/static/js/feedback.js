/** Feedback: what a person saw, played, liked and skipped, on its way to the database. */

import { post } from "./api.js";

const WAIT_MS = 3000;
const MOST_KEPT = 200; // what waits for a database that is away; older ones are dropped
const told = new Set(); // likes and skips of this visit: walls are drawn anew, these stay
let waiting = [];
let timer = null;

/** Store a like or a skip now, or take it back. Raises ApiError when that was not stored. */
export async function tell(userId, itemId, kind, on) {
  const event = on ? kind : `un${kind}`;
  await post("v1/feedback", {
    events: [{ user_id: userId, item_id: itemId, event, seconds: null }],
  });
  if (on) told.add(keyOf(userId, itemId, kind));
  else told.delete(keyOf(userId, itemId, kind));
}

/** Return whether a like or a skip was stored during this visit and not taken back. */
export function wasTold(userId, itemId, kind) {
  return told.has(keyOf(userId, itemId, kind));
}

function keyOf(...parts) {
  return JSON.stringify(parts);
}

/** Store an impression or a play soon, together with others; nobody waits for it. */
export function note(userId, itemId, event, seconds = null) {
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
