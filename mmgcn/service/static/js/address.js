/** Address: the part of the URL after #, which contains the full state of a page. */

const OVERLAY = "why"; // the parameter of what is shown above a page

/**
 * Return the route of an address such as #/user/42?k=10.
 *
 * @param {string} hash
 * @returns {Route}
 */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  let id = rest.join("/");
  try {
    id = decodeURIComponent(id);
  } catch {
    // A stray % is part of the id.
  }
  return { name, id, params: new URLSearchParams(query) };
}

/**
 * Return the current address with some parameters changed; null removes one, a list repeats it.
 *
 * @param {Record<string, string | number | string[] | null>} changes
 * @param {string} hash
 */
export function withParams(changes, hash = location.hash) {
  const [path, query = ""] = hash.split("?");
  const params = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each != null && each !== "") params.append(name, String(each));
    }
  }
  return params.size ? `${path || "#/"}?${params}` : path || "#/";
}

/**
 * Change the address without a new history entry and without redrawing the page.
 *
 * @param {string} hash
 */
export function replaceAddress(hash) {
  history.replaceState(history.state, "", hash);
  dispatchEvent(new Event("addressreplaced"));
}

/**
 * Return whether two addresses are of the same page, with or without an explanation above it.
 *
 * @param {string} one
 * @param {string} other
 */
export function isSamePage(one, other) {
  return withParams({ [OVERLAY]: null }, one) === withParams({ [OVERLAY]: null }, other);
}

/** Return the item whose explanation is shown above the page, or null. */
export function explainedItem() {
  return parse(location.hash).params.get(OVERLAY);
}

/**
 * Return the current address with an explanation above the page, or none.
 *
 * @param {string | null} itemId
 */
export function withExplained(itemId) {
  return withParams({ [OVERLAY]: itemId });
}

/**
 * Return the selected videos of a user who is not in the data.
 *
 * @param {Route} route
 */
export function selectedOf({ params }) {
  return params.getAll("item");
}

/**
 * Return the user to whom the page of a route, or its video, belongs.
 *
 * @param {Route} route
 */
export function userOf({ name, id, params }) {
  return ["user", "feed", "weights", "compare"].includes(name) ? id : params.get("for");
}
