/** Charts: curves and intervals as SVG. */

import { signed, svg } from "./dom.js";

const WIDTH = 360;
const HEIGHT = 200;
const EDGE = { left: 46, right: 40, top: 12, bottom: 26 };
const LABEL_PX = 12;

/**
 * Return curves over epochs, each labelled at its end.
 *
 * @param {string} title
 * @param {Line[]} lines `level` is drawn as a dashed line of the same colour
 * @param {{ best?: number | null, starts?: number[] }} options `best` is the selected epoch, which
 *   is marked; `starts` are the first epochs of ensemble members, whose curves are drawn separately
 */
export function curves(title, lines, { best = null, starts = [1] } = {}) {
  const points = lines.flatMap((line) => line.points);
  const [x0, x1] = bounds(points.map(([x]) => x));
  const levels = lines.flatMap(({ level }) => (level == null ? [] : [level]));
  const ticks = niceTicks(...bounds([...points.map(([, y]) => y), ...levels]));
  const [y0, y1] = [ticks[0], ticks[ticks.length - 1]];
  /** @param {number} x */
  const across = (x) => EDGE.left + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - EDGE.left - EDGE.right);
  /** @param {number} y */
  const up = (y) => HEIGHT - EDGE.bottom - ((y - y0) / (y1 - y0 || 1)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const frame = svg("svg", {
    class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary(title, lines),
  });
  for (const tick of ticks) {
    frame.append(
      svg("line", { class: "grid", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: up(tick), y2: up(tick) }),
      svg("text", { class: "tick", x: EDGE.left - 8, y: up(tick) + 4, "text-anchor": "end" }, short(tick)),
    );
  }
  for (const epoch of wholeTicks(x0, x1)) {
    frame.append(
      svg("text", { class: "tick", x: across(epoch), y: HEIGHT - 8, "text-anchor": "middle" }, String(epoch)),
    );
  }
  for (const start of starts.filter((epoch) => epoch > x0)) {
    const at = across(start - 0.5);
    frame.append(svg("line", { class: "member", x1: at, x2: at, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
  }
  if (best != null && best >= x0 && best <= x1) {
    const at = across(best);
    frame.append(svg("line", { class: "best", x1: at, x2: at, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
  }
  const ends = spread(lines.map(({ points: own }) => up(own[own.length - 1][1])));
  lines.forEach(({ name, points: own, level }, index) => {
    if (level != null) {
      const flat = { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: up(level), y2: up(level) };
      const line = svg("line", { class: `level tone-${index}`, ...flat });
      line.append(svg("title", {}, `${name || title} of the most popular videos: ${level.toFixed(4)}`));
      frame.append(line);
    }
    for (const part of split(own, starts)) {
      const path = part.map(([x, y]) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`).join(" ");
      frame.append(svg("polyline", { class: `curve tone-${index}`, points: path }));
    }
    for (const [x, y] of own) {
      const dot = svg("circle", { class: `dot tone-${index}`, cx: across(x), cy: up(y), r: 2.6 });
      dot.append(svg("title", {}, `${name || title}, epoch ${x}: ${y.toFixed(4)}`));
      frame.append(dot);
    }
    if (name) {
      frame.append(
        svg("text", { class: `end tone-${index}`, x: WIDTH - EDGE.right + 7, y: ends[index] + 4 }, name),
      );
    }
  });
  return frame;
}

/**
 * Return the points of each ensemble member that has any.
 *
 * @param {[number, number][]} points
 * @param {number[]} starts
 */
function split(points, starts) {
  return starts
    .map((start, index) => points.filter(([x]) => x >= start && x < (starts[index + 1] ?? Infinity)))
    .filter((part) => part.length);
}

/**
 * Return means with their intervals around zero.
 *
 * @param {string} title
 * @param {Interval[]} rows
 */
export function intervals(title, rows) {
  const row = 30;
  const left = 150;
  const right = 64;
  const width = WIDTH * 1.4;
  const height = rows.length * row + 10;
  const values = rows.flatMap(({ mean, low, high }) => [mean, low ?? mean, high ?? mean]);
  const [low, high] = bounds([0, ...values]);
  /** @param {number} value */
  const across = (value) => left + ((value - low) / (high - low || 1)) * (width - left - right);
  const frame = svg("svg", {
    class: "chart wide", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${title}: ${rows.map(({ name, mean }) => `${name} ${signed(mean, 4)}`).join(", ")}`,
  });
  frame.append(svg("line", { class: "zero", x1: across(0), x2: across(0), y1: 0, y2: height }));
  rows.forEach(({ name, mean, low: from, high: to }, index) => {
    const y = index * row + row / 2 + 5;
    frame.append(
      svg("text", { class: "label", x: left - 12, y: y + 4, "text-anchor": "end" }, name),
      svg("text", { class: "tick", x: width - right + 12, y: y + 4 }, signed(mean, 4)),
      svg("circle", { class: "dot tone-0", cx: across(mean), cy: y, r: 5 }),
    );
    if (from != null && to != null) {
      frame.append(svg("line", { class: "interval", x1: across(from), x2: across(to), y1: y, y2: y }));
    }
  });
  return frame;
}

/**
 * @param {number[]} values
 * @returns {[number, number]}
 */
function bounds(values) {
  return [Math.min(...values), Math.max(...values)];
}

/**
 * @param {number} low
 * @param {number} high
 */
function niceTicks(low, high) {
  const rough = (high - low || Math.abs(high) || 1) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough) ?? rough;
  const ticks = [];
  for (let at = Math.floor(low / step); at <= Math.ceil(high / step); at++) ticks.push(at * step);
  return ticks.length > 1 ? ticks : [ticks[0], ticks[0] + step];
}

/**
 * @param {number} low
 * @param {number} high
 */
function wholeTicks(low, high) {
  const step = Math.max(1, Math.ceil((high - low) / 6));
  const ticks = [];
  for (let at = low; at <= high; at += step) ticks.push(at);
  return ticks;
}

/**
 * Return heights of labels, moved down where labels would overlap.
 *
 * @param {number[]} heights
 */
function spread(heights) {
  const order = heights.map((_, index) => index).sort((a, b) => heights[a] - heights[b]);
  const moved = [...heights];
  for (let at = 1; at < order.length; at++) {
    moved[order[at]] = Math.max(moved[order[at]], moved[order[at - 1]] + LABEL_PX);
  }
  return moved;
}

/**
 * @param {string} title
 * @param {Line[]} lines
 */
function summary(title, lines) {
  const ends = lines.map(
    ({ name, points }) => `${name || "at the end"} ${points[points.length - 1][1].toFixed(3)}`,
  );
  return `${title} over the epochs: ${ends.join(", ")}`;
}

/** @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(4)));
}
