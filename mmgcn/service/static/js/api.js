/** Answers of the service, and its errors as they are. */

import { askToken, savedToken } from "./token.js";

/** What the service refused, with its own words and the nearest ids it knows. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body.error || `The service answered ${status}.`);
    this.status = status;
    this.nearest = body.nearest || [];
  }
}

/** Return the JSON of a GET; params that are null are left out. Waits for `longest` ms, if told. */
export function get(path, params = {}, signal = undefined, longest = null) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value != null));
  return request(`${path}?${query}`.replace(/\?$/, ""), { signal, longest });
}

/** Return the JSON of a POST. */
export function post(path, body, options = {}) {
  return request(path, {
    ...options,
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
}

async function request(path, { longest = null, ...options }, retried = false) {
  const token = savedToken();
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const { signal } = options; // the time that somebody needs to type a token does not count
  const patience = longest ? AbortSignal.any([signal, AbortSignal.timeout(longest)]) : signal;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, signal: patience });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { error: "The service does not answer. Is it still running?" });
  }
  if (answer.status === 401 && !retried && !options.keepalive) {
    await askToken(token);
    return request(path, { ...options, longest }, true);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(answer.status, body);
  return body;
}
