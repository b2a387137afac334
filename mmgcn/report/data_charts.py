"""Charts of a data set: a histogram of degrees, and the Lorenz curve of popularity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgcn.evaluation.coverage import PopularitySkew
from mmgcn.report.markup import Markup, element

NUM_BARS = 12
WIDTH, HEIGHT, LEFT, BOTTOM = 380, 170, 44, 24


def degree_counts(values: np.ndarray) -> list[tuple[str, int]]:
    """Return the number of values from 1 to 1, 2 to 3, 4 to 7 and so on; the last range is open.

    Shapes:
        values: (N,) non-negative integers.

    >>> degree_counts(np.array([1, 1, 3, 4]))
    [('1', 2), ('2-3', 1), ('4-7', 1)]
    """
    values = np.asarray(values)
    power = np.array([int(value).bit_length() for value in values], dtype=np.int64)
    power = power.clip(max=NUM_BARS)  # 0 -> 0, 1 -> 1, 2 and 3 -> 2, 4 to 7 -> 3
    counts = np.bincount(power)
    bars = []
    for index, count in enumerate(counts.tolist()):
        low, high = (1 << index) >> 1, (1 << index) - 1
        label = f"{low}" if high <= low else f"{low}-{high}"
        bars.append((f"{low}+" if index == NUM_BARS else label, count))
    return bars if counts[:1].any() else bars[1:]


def histogram(title: str, values: np.ndarray) -> Markup:
    """Return a histogram of `degree_counts`. Shapes: values: (N,)."""
    bars = degree_counts(values)
    highest = max((count for _, count in bars), default=1) or 1
    step = (WIDTH - LEFT) / max(len(bars), 1)
    shapes = []
    for index, (label, count) in enumerate(bars):
        height = (HEIGHT - BOTTOM - 14) * count / highest
        x, y = LEFT + index * step, HEIGHT - BOTTOM - height
        tip = element("title", f"{label}: {count:,}")
        shapes.append(
            element(
                "rect",
                tip,
                x=f"{x:.1f}",
                y=f"{y:.1f}",
                width=f"{step * 0.8:.1f}",
                height=f"{height:.1f}",
                style="fill:var(--accent)",
            )
        )
        shapes.append(_label(label, x + step * 0.4, HEIGHT - 8))
    shapes.append(_label(f"{highest:,}", LEFT - 8, 18, anchor="end"))
    return _figure(title, shapes)


def lorenz_curve(skew: PopularitySkew) -> Markup:
    """Return the Lorenz curve of popularity, with the diagonal of equally popular items."""

    def at(x: float, y: float) -> str:
        return f"{LEFT + x * (WIDTH - LEFT):.1f},{(HEIGHT - BOTTOM) * (1 - y) + 8 * y:.1f}"

    points = " ".join(at(x, y) for x, y in skew.lorenz)
    shapes = [
        element("polyline", class_="curve", points=f"{at(0, 0)} {at(1, 1)}", opacity="0.4"),
        element("polyline", class_="curve", points=points, style="stroke:var(--accent)"),
        _label("items, least popular first", LEFT + (WIDTH - LEFT) / 2, HEIGHT - 8),
        _label("100 %", LEFT - 8, 14, anchor="end"),
    ]
    return _figure("Share of the interactions", shapes)


def _label(text: str, x: float, y: float, *, anchor: str = "middle") -> Markup:
    return element("text", text, class_="tick", x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _figure(title: str, shapes: Sequence[Markup]) -> Markup:
    drawing = element(
        "svg",
        list(shapes),
        class_="chart",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )
    return element("figure", element("figcaption", title), drawing)
