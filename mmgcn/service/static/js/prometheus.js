/** Prometheus: the text format of /metrics, read into samples. */

/**
 * Return the samples of a text.
 *
 * mmgcn_requests_total{route="items",status="200"} 3.0
 *   -> { name: "mmgcn_requests_total", labels: { route: "items", status: "200" }, value: 3 }
 *
 * @param {string} text
 * @returns {Sample[]}
 */
export function samplesOf(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!found) continue; // a comment
    const [, name, labels = "", value] = found;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
    samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value.replace("Inf", "Infinity")) });
  }
  return samples;
}

/**
 * Return the sums of samples by a label.
 *
 * @param {Sample[]} samples
 * @param {string} label
 */
export function sumsBy(samples, label) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { labels, value } of samples) sums.set(labels[label], (sums.get(labels[label]) ?? 0) + value);
  return sums;
}

/**
 * Return the upper bound of the bucket that contains a quantile; null without observations.
 *
 * @param {Sample[]} buckets buckets of a histogram, with counts up to the bound `le`
 * @param {number} quantile
 */
export function quantileOf(buckets, quantile) {
  const counts = [...sumsBy(buckets, "le")]
    .map(([bound, count]) => /** @type {[number, number]} */ ([Number(bound.replace("+Inf", "Infinity")), count]))
    .sort(([one], [other]) => one - other);
  const total = counts.at(-1)?.[1] ?? 0;
  return total === 0 ? null : (counts.find(([, count]) => count >= quantile * total)?.[0] ?? Infinity);
}
