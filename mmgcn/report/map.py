"""Map section of a report: items in two dimensions, as on the service's page, without a script."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmgcn.report.charts import channel_label
from mmgcn.report.markup import Markup, element
from mmgcn.report.poster_images import PosterImages
from mmgcn.run import Run
from mmgcn.serving.item_map import load_map, map_channels

MAX_POSTERS = 150  # number of most popular items with a poster, which limits the file's size
NUM_CLUSTER_COLOURS = 12


def map_section(run: Run, captions: Mapping[str, str], posters: PosterImages) -> list[Markup]:
    """Return the maps that `mmgcn map` stored in a run's folder; empty if there are none.

    A point shows the poster and caption of its item on hover. Its colour is that of the item's
    cluster.

    Raises:
        RunError: a stored map is corrupt.
    """
    popularity = np.asarray(run.popularity)
    with_poster = set(np.argsort(-popularity, kind="stable")[:MAX_POSTERS].tolist())
    drawn = []
    for channel in map_channels(run):
        found = load_map(run, channel)
        if found is None:
            continue
        ids = run.items.ids.gather(found.item_index).to_list()
        points = [
            element(
                "span",
                element(
                    "span",
                    posters.image(item_id) if index in with_poster else None,
                    element("span", captions.get(item_id, item_id), dir="auto"),
                    element("span", f"{popularity[index]:,} views", class_="muted"),
                    class_="tip",
                ),
                class_=f"point{' left' if x > 0.5 else ''}{' up' if y > 0.5 else ''}",
                data_cluster=int(cluster) % NUM_CLUSTER_COLOURS,
                style=f"--x: {x:.4f}; --y: {y:.4f}",
            )
            for item_id, index, (x, y), cluster in zip(
                ids,
                found.item_index.tolist(),
                found.xy.tolist(),
                found.cluster.tolist(),
                strict=True,
            )
        ]
        name = channel_label(channel) if channel else "all signals"
        caption = f"By {name}: {len(points):,} items"
        drawn.append(
            element(
                "figure",
                element("figcaption", caption),
                element("div", points, class_="points", role="img", aria_label=f"Map. {caption}"),
            )
        )
    if not drawn:
        return []
    note = (
        "Similar items are near each other (t-SNE); distances between groups mean little. Colours "
        "are clusters by all signals."
    )
    return [
        element("h2", "Map"),
        element("p", note, class_="muted"),
        element("div", drawn, class_="charts"),
    ]
