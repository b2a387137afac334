/** Requests to the service, and its errors. */

import { askToken, savedToken } from "./token.js";

export const MAX_LIMIT = 1000; // of a page of the service

/** A problem document of the service: its code and detail, and the nearest ids for an unknown one. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 if the service did not respond
   * @param {{ detail?: string, code?: string, nearest?: string[] }} body
   */
  constructor(status, body) {
    super(body.detail || `The service responded with status ${status}.`);
    this.status = status;
    this.code = body.code || "";
    this.nearest = body.nearest || [];
  }
}

/**
 * Return an id as a segment of a path. `.` and `..` are encoded twice: browsers remove such
 * segments, encoded or not.
 *
 * @param {string} id
 */
export function segment(id) {
  return id === "." || id === ".." ? "%252E".repeat(id.length) : encodeURIComponent(id);
}

/**
 * Return the JSON of a GET.
 *
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} params null is left out
 * @param {AbortSignal} [signal]
 * @param {number | null} timeoutMs
 * @returns {Promise<any>}
 */
export function get(path, params = {}, signal = undefined, timeoutMs = null) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value != null) query.set(name, String(value));
  }
  return request(query.size ? `${path}?${query}` : path, { signal, timeoutMs });
}

/**
 * Return the entries of all pages of a list.
 *
 * @param {string} path
 * @param {string} name name of the entries in a response
 * @param {AbortSignal} signal
 * @returns {Promise<any[]>}
 */
export async function getAll(path, name, signal) {
  const entries = [];
  let cursor = null;
  do {
    const page = await get(path, { limit: MAX_LIMIT, cursor }, signal);
    entries.push(...page[name]);
    cursor = page.next;
  } while (cursor);
  return entries;
}

/**
 * Return the text of a GET.
 *
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export function getText(path, signal) {
  return request(path, { signal, isText: true });
}

/**
 * Return the JSON of a POST.
 *
 * @param {string} path
 * @param {unknown} body
 * @param {RequestInit} options
 * @returns {Promise<any>}
 */
export function post(path, body, options = {}) {
  return request(path, {
    ...options,
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
}

/**
 * @param {string} path
 * @param {RequestInit & { headers?: Record<string, string>, timeoutMs?: number | null, isText?: boolean }} options
 * @param {boolean} retried
 * @returns {Promise<any>}
 */
async function request(path, { timeoutMs = null, isText = false, ...options }, retried = false) {
  const token = savedToken();
  /** @type {Record<string, string>} */
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const { signal } = options; // entering a token does not count towards the timeout
  const limit = timeoutMs ? [AbortSignal.timeout(timeoutMs)] : [];
  const either = signal && limit.length ? AbortSignal.any([signal, ...limit]) : (signal ?? limit[0]);
  let response;
  try {
    response = await fetch(path, { ...options, headers, signal: either });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The service does not respond. Is it still running?" });
  }
  if (response.status === 401 && !retried && !options.keepalive) {
    await askToken(token);
    return request(path, { ...options, timeoutMs, isText }, true);
  }
  if (isText && response.ok) return response.text();
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}
