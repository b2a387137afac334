/** Scatter: points on a canvas with zoom, panning and keyboard navigation. */

import { el } from "./dom.js";

const MARGIN_PX = 18;
const MAX_STRETCH = 1.7; // of a map wider than high
const REACH_PX = 14; // of the pointer around a point
const MAX_SCALE = 40;

/**
 * Return a canvas with points, and functions to draw it again and to mark a point.
 *
 * @param {ScatterOptions} options
 * @returns {Scatter}
 */
export function scatterOf({ x, y, label, colourOf, radiusOf, onPoint, onOpen, signal }) {
  const canvas = el("canvas", {
    tabindex: "0", role: "application", "aria-label": label, "aria-describedby": "map-keys", class: "scatter",
  });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  let scale = 1;
  let left = 0; // of the view, in units of the map
  let top = 0;
  let marked = -1;
  let pending = false;

  /** The full map on the canvas at scale 1: its left and upper edge, width and height. */
  const frame = () => {
    const height = Math.min(canvas.clientHeight, MAX_STRETCH * canvas.clientWidth) - 2 * MARGIN_PX;
    const width = Math.min(canvas.clientWidth, MAX_STRETCH * canvas.clientHeight) - 2 * MARGIN_PX;
    return { across: (canvas.clientWidth - width) / 2, down: (canvas.clientHeight - height) / 2, width, height };
  };

  /** @param {number} index */
  const at = (index, { across, down, width, height } = frame()) => [
    across + (x[index] - left) * scale * width, down + (y[index] - top) * scale * height,
  ];

  function draw() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      paint();
    });
  }

  function paint() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const whole = frame();
    for (const layer of [0, 1]) {
      for (let index = 0; index < x.length; index++) {
        const radius = radiusOf(index);
        if ((radius > 5 ? 1 : 0) !== layer) continue; // the small ones first
        const [px, py] = at(index, whole);
        if (px < -9 || py < -9 || px > width + 9 || py > height + 9) continue;
        context.beginPath();
        context.arc(px, py, radius, 0, 2 * Math.PI);
        context.fillStyle = colourOf(index, style);
        context.fill();
        context.lineWidth = 0.75;
        context.strokeStyle = style.backgroundColor;
        context.stroke();
      }
    }
    if (marked >= 0) {
      const [px, py] = at(marked);
      context.beginPath();
      context.arc(px, py, radiusOf(marked) + 4, 0, 2 * Math.PI);
      context.lineWidth = 2.5;
      context.strokeStyle = style.color;
      context.stroke();
    }
  }

  /**
   * @param {number} index
   * @param {boolean} byPointer
   */
  function mark(index, byPointer = false) {
    if (index === marked && byPointer) return;
    marked = index;
    const [px, py] = index < 0 ? [0, 0] : at(index);
    onPoint(index, px, py);
    draw();
  }

  /**
   * Zoom by a factor around a position on the canvas.
   *
   * @param {number} factor
   * @param {number} px
   * @param {number} py
   */
  function zoom(factor, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) {
    const next = Math.max(1, Math.min(MAX_SCALE, scale * factor));
    const whole = frame();
    const across = (px - whole.across) / whole.width;
    const down = (py - whole.down) / whole.height;
    left += across / scale - across / next;
    top += down / scale - down / next;
    scale = next;
    if (scale === 1) left = top = 0;
    draw();
  }

  /**
   * Return the point nearest to a position in a direction, or at all; -1 if none is in reach.
   *
   * @param {(dx: number, dy: number) => number} cost infinite for points that do not count
   * @param {number} px
   * @param {number} py
   */
  function nearest(cost, px, py) {
    let best = -1;
    let least = Infinity;
    const whole = frame();
    for (let index = 0; index < x.length; index++) {
      const [ix, iy] = at(index, whole);
      const value = cost(ix - px, iy - py);
      if (value < least) [best, least] = [index, value];
    }
    return best;
  }

  /** @param {{ offsetX: number, offsetY: number }} event */
  const under = ({ offsetX, offsetY }) =>
    nearest((dx, dy) => (Math.hypot(dx, dy) <= REACH_PX ? Math.hypot(dx, dy) : Infinity), offsetX, offsetY);

  /** @type {Map<number, { x: number, y: number }>} */
  const pointers = new Map();
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (pointers.size === 1) moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") mark(under(event), true);
      return;
    }
    const now = { x: event.offsetX, y: event.offsetY };
    const { width, height } = frame();
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, position]) => position);
    if (others.length) {
      const [other] = others;
      const grown = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      zoom(grown, (now.x + other.x) / 2, (now.y + other.y) / 2);
      moved = Infinity;
    } else {
      moved += Math.hypot(now.x - before.x, now.y - before.y);
      left -= (now.x - before.x) / (scale * width);
      top -= (now.y - before.y) / (scale * height);
      draw();
    }
    pointers.set(event.pointerId, now);
  });
  canvas.addEventListener("pointerup", (event) => {
    const alone = pointers.size === 1;
    pointers.delete(event.pointerId);
    if (!alone || moved > 6) return;
    const index = under(event);
    if (event.pointerType === "mouse" && index >= 0) onOpen(index);
    else mark(index); // a tap shows the point; its card has a link
  });
  canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    /** @type {Record<string, [number, number]>} */
    const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    const direction = directions[event.key];
    if (direction) {
      const [px, py] = marked < 0 ? [canvas.clientWidth / 2, canvas.clientHeight / 2] : at(marked);
      const next = marked < 0 ? nearest(Math.hypot, px, py) : nearest((dx, dy) => {
        const along = dx * direction[0] + dy * direction[1];
        const aside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
        return along > 0.5 ? along + 2 * aside : Infinity;
      }, px, py);
      if (next >= 0) mark(next);
    } else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") zoom(1 / MAX_SCALE);
    else if (event.key === "Enter" && marked >= 0) onOpen(marked);
    else if (event.key === "Escape" && marked >= 0) mark(-1);
    else return;
    event.preventDefault();
  });
  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  signal.addEventListener("abort", () => resized.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal });
  return { canvas, draw, mark, zoom };
}
