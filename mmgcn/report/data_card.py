"""Card of a data set: degrees, popularity, coverage, duplicates, neighbours and anomalies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmgcn.data.content import Content
from mmgcn.evaluation.coverage import PopularitySkew
from mmgcn.report.charts import channel_label
from mmgcn.report.data_charts import histogram, lorenz_curve
from mmgcn.report.document import document
from mmgcn.report.findings import findings
from mmgcn.report.markup import Markup, element, joined
from mmgcn.report.poster_images import PosterImages

NUM_GROUPS = 8  # groups of duplicates that are shown


@dataclass(frozen=True)
class DataCard:
    """The facts on the card of a data set.

    Args:
        found: result of `mmgcn inspect --json`: features, interactions and matching.
        degrees: number of interactions of each user and each item, by `user` and `item`.
        skew: skew of the items' popularity; None without interactions.
        content: similarity of the items' content, by modality.

    Shapes:
        degrees: (U,) and (I,) integers.
    """

    found: Mapping[str, Any]
    degrees: Mapping[str, np.ndarray] = field(default_factory=dict)
    skew: PopularitySkew | None = None
    content: Mapping[str, Content] = field(default_factory=dict)


def card_document(card: DataCard, *, captions: Mapping[str, str], posters: PosterImages) -> str:
    """Return the HTML document of a data set, which loads nothing and runs no script."""
    title = element("div", element("h1", "Data set"), class_="title")
    parts = [title, _facts(card), _findings(card), _interactions(card), _features(card)]
    parts += [_content(name, each, captions, posters) for name, each in card.content.items()]
    return document("Data set · mmgcn", joined(parts), styles=posters.styles())


def _facts(card: DataCard) -> Markup:
    found = card.found["interactions"] or {}
    facts = {
        "users": found.get("users"),
        "items with interactions": found.get("items"),
        "interactions": found.get("interactions"),
        "density": None if not found else f"{found['density']:.2%}",
        "modalities": ", ".join(map(channel_label, card.found["features"])) or "none",
        "Gini of popularity": None if card.skew is None else f"{card.skew.gini:.2f}",
    }
    rows = [
        element(
            "div",
            element("dt", name),
            element("dd", f"{value:,}" if isinstance(value, int) else value),
        )
        for name, value in facts.items()
        if value is not None
    ]
    return element("dl", rows, class_="facts")


def _findings(card: DataCard) -> Markup:
    rows_found = findings(card.found, card.content)
    if not rows_found:
        return element("p", "No anomalies.", class_="muted")
    rows = [
        element("tr", element("td", what), element("td", remedy)) for what, remedy in rows_found
    ]
    head = element("tr", element("th", "Anomaly"), element("th", "What to do"))
    table = element(
        "table",
        element("thead", head),
        element("tbody", rows),
        class_="settings-table",
        style="width:100%",
    )
    return joined([element("h2", "Anomalies"), table])


def _interactions(card: DataCard) -> Markup:
    if card.skew is None:
        return Markup()
    charts = [
        histogram(f"Interactions per {side}", values) for side, values in card.degrees.items()
    ]
    charts.append(lorenz_curve(card.skew))
    top = ", ".join(
        f"{float(share):.0%} of the items have {part:.0%}" for share, part in card.skew.top.items()
    )
    return joined(
        [
            element("h2", "Interactions"),
            element("div", charts, class_="charts"),
            element("p", f"The most popular {top} of the interactions.", class_="muted"),
        ]
    )


def _features(card: DataCard) -> Markup:
    if not card.found["features"]:
        return Markup()
    watched = (card.found["matching"] or {}).get("watched_items", {})
    total = (card.found["interactions"] or {}).get("items", 0)
    rows = []
    for name, each in card.found["features"].items():
        share = watched.get(name, {}).get("with_features")
        rows.append(
            element(
                "tr",
                element("th", channel_label(name), scope="row"),
                element("td", each["encoder"] or "array"),
                element("td", f"{each['width']:,}", class_="number"),
                element("td", f"{each['with_features']:,} of {each['items']:,}", class_="number"),
                element(
                    "td",
                    "" if share is None or not total else f"{share / total:.1%}",
                    class_="number",
                ),
            )
        )
    titles = ("modality", "encoder", "width", "items with features", "of items with interactions")
    head = element("tr", [element("th", title) for title in titles])
    table = element("table", element("thead", head), element("tbody", rows), class_="metrics")
    return joined([element("h2", "Features"), element("div", table, class_="scroll")])


def _content(
    name: str, content: Content, captions: Mapping[str, str], posters: PosterImages
) -> Markup:
    """Return duplicates and neighbours of one modality, with posters."""

    def strip(items: Sequence[tuple[str, str]]) -> Markup:
        thumbs = [
            element(
                "li",
                element(
                    "span",
                    posters.image(item_id),
                    element("span", captions.get(item_id, item_id), class_="thumb-words"),
                    element("span", label, class_="similarity") if label else None,
                    class_="thumb",
                    title=item_id,
                ),
            )
            for item_id, label in items
        ]
        return element("ul", thumbs, class_="strip")

    parts: list[Markup] = [element("h2", f"Content: {channel_label(name)}")]
    if content.duplicates:
        parts.append(element("h3", "Same content"))
        parts += [strip([(i, "") for i in group[:8]]) for group in content.duplicates[:NUM_GROUPS]]
    parts.append(element("h3", "Nearest neighbours: an item, then the items nearest to it"))
    parts += [
        strip([(item, ""), *((other, f"{cosine:.0%}") for other, cosine in neighbours)])
        for item, neighbours in content.neighbours.items()
    ]
    return joined(parts)
