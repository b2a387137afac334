"""Charts as SVG: curves, bars and intervals, as on the service's page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mmgcn.channels import NEIGHBOURS, absence
from mmgcn.popularity_prior import POPULARITY
from mmgcn.report.markup import Markup, element

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 40, 12, 26
NUM_STEPS = 3  # approximate number of steps of an axis
LABEL_PX = 12  # minimum distance of labels at line ends
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A named curve; points are (x, y) with ascending x.

    Args:
        level: value drawn as a dashed horizontal line of the same colour.
    """

    name: str
    points: Sequence[Point]
    level: float | None = None


def curves(
    title: str,
    lines: Sequence[Line],
    *,
    best: float | None = None,
    starts: Sequence[int] = (1,),
) -> Markup:
    """Return curves over epochs, each labelled at its end.

    Args:
        title: title, for the description of the chart.
        lines: one or more curves, each with at least one point.
        best: selected epoch, which is marked.
        starts: first epochs of ensemble members, whose curves are drawn separately.
    """
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    ys += [line.level for line in lines if line.level is not None]
    ticks = nice_ticks(min(ys), max(ys))

    def across(x: float) -> float:
        share = (x - min(xs)) / ((max(xs) - min(xs)) or 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def up(y: float) -> float:
        share = (y - ticks[0]) / (ticks[-1] - ticks[0])
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    parts = []
    for tick in ticks:
        at = up(tick)
        parts += [
            element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at),
            _text(f"{tick:.4g}", LEFT - 8, at + 4, anchor="end"),
        ]
    step = max(1, math.ceil((max(xs) - min(xs)) / 6))
    for epoch in range(math.ceil(min(xs)), math.floor(max(xs)) + 1, step):
        parts.append(_text(str(epoch), across(epoch), HEIGHT - 8, anchor="middle"))
    for start in starts:
        if start > min(xs):
            at = across(start - 0.5)
            parts.append(element("line", class_="member", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM))
    if best is not None and min(xs) <= best <= max(xs):
        at = across(best)
        parts.append(element("line", class_="best", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM))
    ends = spread([up(line.points[-1][1]) for line in lines])
    for index, (line, end) in enumerate(zip(lines, ends, strict=True)):
        tone = f"tone-{index}"
        if line.level is not None:
            at = up(line.level)
            parts.append(
                element("line", class_=f"level {tone}", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at)
            )
        for first, stop in pairwise([*starts, math.inf]):
            own = [point for point in line.points if first <= point[0] < stop]
            if own:
                path = " ".join(f"{across(x)},{up(y)}" for x, y in own)
                parts.append(element("polyline", class_=f"curve {tone}", points=path))
        for x, y in line.points:
            tooltip = element("title", f"{line.name or title}, epoch {x:g}: {y:.4f}")
            parts.append(
                element("circle", tooltip, class_=f"dot {tone}", cx=across(x), cy=up(y), r=2.6)
            )
        if line.name:
            parts.append(_text(line.name, WIDTH - RIGHT + 7, end + 4, kind=f"end {tone}"))
    last = ", ".join(f"{line.name or 'at the end'} {line.points[-1][1]:.3f}" for line in lines)
    return _chart(parts, WIDTH, HEIGHT, label=f"{title} over the epochs: {last}")


def bars(parts: Mapping[str, float], score: float, *, missing: Sequence[str] = ()) -> Markup:
    """Return a table of signed bars around zero: the contribution of each channel to a score.

    Args:
        parts: contribution of each channel.
        score: their sum.
        missing: channels that the item lacks, each shown in a row with that remark.
    """
    low = min(0.0, *parts.values())
    span = (max(0.0, *parts.values()) - low) or 1.0
    rows = []
    for channel, value in parts.items():
        bar = element(
            "span",
            class_="bar",
            data_channel=channel,
            style=f"--from: {(min(0.0, value) - low) / span:.4f}; --size: {abs(value) / span:.4f}",
        )
        track = element("span", bar, class_="track", style=f"--zero: {-low / span:.4f}")
        rows.append(
            element(
                "tr",
                element("th", channel_label(channel), scope="row"),
                element("td", track, class_="bars"),
                element("td", signed(value, 3), class_="number"),
            )
        )
    for channel in missing:
        cells = element("td", absence(channel), class_="muted", colspan="2")
        rows.append(element("tr", element("th", channel_label(channel), scope="row"), cells))
    total = element(
        "tr",
        element("th", "score", scope="row"),
        element("td"),
        element("td", signed(score, 3), class_="number"),
    )
    return element("table", element("tbody", rows), element("tfoot", total), class_="parts")


def intervals(title: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return a chart of means and their intervals, with a line at zero.

    Args:
        title: title, for the description of the chart.
        rows: name and mean, and low and high, which may be None.
    """
    width, row_px, left, right = 504, 30, 190, 64
    height = len(rows) * row_px + 10
    values = [
        float(row[key])
        for row in rows
        for key in ("mean", "low", "high")
        if row.get(key) is not None
    ]
    low, high = min(0.0, *values), max(0.0, *values)

    def across(value: float) -> float:
        return round(left + (value - low) / ((high - low) or 1) * (width - left - right), 1)

    parts = [element("line", class_="zero", x1=across(0), x2=across(0), y1=0, y2=height)]
    for index, row in enumerate(rows):
        y = index * row_px + row_px // 2 + 5
        parts.append(_text(row["name"], left - 12, y + 4, anchor="end", kind="label"))
        parts.append(_text(signed(row["mean"], 4), width - right + 12, y + 4))
        if row.get("low") is not None and row.get("high") is not None:
            x1, x2 = across(row["low"]), across(row["high"])
            parts.append(element("line", class_="interval", x1=x1, x2=x2, y1=y, y2=y))
        parts.append(element("circle", class_="dot tone-0", cx=across(row["mean"]), cy=y, r=5))
    summary = ", ".join(f"{row['name']} {signed(row['mean'], 4)}" for row in rows)
    return _chart(parts, width, height, label=f"{title}: {summary}", kind="chart wide")


def _chart(
    parts: Sequence[Markup], width: int, height: int, *, label: str, kind: str = "chart"
) -> Markup:
    """Return an SVG with a text alternative. Sizes are units of the drawing, not pixels."""
    viewbox = f"0 0 {width} {height}"
    return element("svg", parts, class_=kind, viewBox=viewbox, role="img", aria_label=label)


def channel_label(channel: str) -> str:
    """Return the label of a channel, the same as on the service's page.

    >>> channel_label("id"), channel_label("visual")
    ('viewing patterns', 'visual')
    """
    labels = {"id": "viewing patterns", POPULARITY: "popularity", NEIGHBOURS: "similar videos"}
    return labels.get(channel, channel)


def signed(value: float, digits: int) -> str:
    """Return a number with its sign; zero, after rounding, has none.

    >>> signed(-0.25, 2), signed(0.25, 2), signed(-0.001, 2)
    ('−0.25', '+0.25', '0.00')
    """
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def nice_ticks(low: float, high: float) -> list[float]:
    """Return two or more round numbers that span a range.

    >>> nice_ticks(0.13, 0.38)
    [0.1, 0.2, 0.3, 0.4]
    >>> nice_ticks(2.0, 2.0)
    [2.0, 3.0]
    """
    min_step = ((high - low) or abs(high) or 1.0) / NUM_STEPS
    power = 10.0 ** math.floor(math.log10(min_step))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= min_step)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(at * step, 12) for at in range(first, max(last, first + 1) + 1)]


def spread(heights: Sequence[float]) -> list[float]:
    """Return the positions of labels, moved down where labels would overlap.

    >>> spread([50, 10, 52])
    [50, 10, 62]
    """
    moved = list(heights)
    order = sorted(range(len(moved)), key=moved.__getitem__)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + LABEL_PX)
    return moved


def _text(
    text: str, x: float, y: float, *, anchor: str | None = None, kind: str = "tick"
) -> Markup:
    return element("text", text, class_=kind, x=x, y=y, text_anchor=anchor)
