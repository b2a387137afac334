"""The HTML file of `mmgcn inspect --html`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmgcn.commands.options import item_table
from mmgcn.commands.output import print_message

if TYPE_CHECKING:
    from mmgcn.data.interactions import Interactions


def write_card(
    path: Path,
    found: Mapping[str, Any],
    *,
    sources: Sequence[str],
    first_id: int,
    interactions: Interactions | None,
    videos: Path | None,
    captions: str | None,
) -> None:
    """Write the card of a data set as one HTML file.

    Args:
        found: result of the command.
        sources: feature stores and NAME=FILE.npy.
        first_id: id of row 0 in a file without ids.
        interactions: interactions, if there are any.
        videos: videos for posters; None shows ids.
        captions: value of --captions.

    Raises:
        OSError: the file cannot be written.
        FeatureError: the features cannot be used, as in `fit`.
    """
    import numpy as np

    from mmgcn.commands.html_output import MediaForHtml
    from mmgcn.data.content import content_of
    from mmgcn.data.features import read_features
    from mmgcn.evaluation.coverage import popularity_skew
    from mmgcn.report.data_card import DataCard, card_document
    from mmgcn.report.document import write_document

    content = {
        table.name: content_of(table.ids, table.matrix)
        for table in read_features(sources, first_id=first_id)
    }
    degrees, skew = {}, None
    if interactions is not None:
        degrees = {
            "user": np.bincount(interactions.user_index),
            "item": np.bincount(interactions.item_index),
        }
        skew = popularity_skew(degrees["item"])
    stores = [source for source in sources if "=" not in source]
    media = MediaForHtml(videos, item_table(captions), stores=stores)
    text = card_document(
        DataCard(found, degrees, skew, content), captions=media.captions, posters=media.posters
    )
    write_document(path, text)
    media.report_failures()
    print_message(f"{path}: {len(text.encode()) / 1e6:.1f} MB")
