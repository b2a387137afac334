"""Ranked lists on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mmgcn.channels import absence
from mmgcn.commands.output import console_table, print_table

if TYPE_CHECKING:
    import polars as pl

    from mmgcn.run import Run
    from mmgcn.serving.explanation import Explanation
    from mmgcn.serving.item_table import ItemTable

MAX_SPOKEN = 80  # number of shown characters of a transcript
NUM_NEAREST = 2  # number of shown watched items per channel


def show_list(
    table: pl.DataFrame,
    items: ItemTable,
    run: Run,
    *,
    reasons: Sequence[Explanation | None] | None = None,
    score: str = "score",
) -> None:
    """Print a list, with captions if there are any, and optionally with reasons.

    Args:
        table: the list, or lists of several users.
        items: captions, which take precedence over the transcripts of the run's videos.
        run: run that ranked the list.
        reasons: explanation of each row, None for rows without one; None for no such column.
        score: title of the column of scores.
    """
    several = "user_id" in table.columns and table["user_id"].n_unique() > 1
    ids = table["item_id"].unique()
    captions = _spoken(run, ids) | items.captions(ids)
    columns = [*(["user"] if several else []), "rank", "item", score]
    columns += ["caption"] if captions else []
    columns += ["because"] if reasons is not None else []
    shown = console_table(*columns)
    for index, row in enumerate(table.iter_rows(named=True)):
        cells = [row["user_id"]] if several else []
        cells += [str(row["rank"]), row["item_id"], _number(row["score"])]
        cells += [captions.get(row["item_id"], "")] if captions else []
        if reasons is not None:
            cells.append(because(reasons[index]))
        shown.add_row(*cells)
    print_table(shown)


def because(reason: Explanation | None) -> str:
    """Return one line per channel, the largest contribution first, missing channels last.

    `visual   +0.617  like clip-062, clip-009`
    `textual  no caption`
    """
    if reason is None:
        return "it is popular"
    width = max(map(len, [*reason.parts, *reason.missing]))
    lines = []
    for name, value in sorted(reason.parts.items(), key=lambda part: -abs(part[1])):
        nearest = ", ".join(item for item, _ in reason.nearest.get(name, [])[:NUM_NEAREST])
        hint = f"like {nearest}" if nearest else ""
        lines.append(f"{name:{width}} {value:+.3f}  {hint}".rstrip())
    lines += [f"{name:{width}} {absence(name)}" for name in reason.missing]
    return "\n".join(lines)


def json_rows(
    table: pl.DataFrame, reasons: Sequence[Explanation | None] | None
) -> list[dict[str, Any]]:
    """Return the rows of a list as JSON values; with reasons, scores are their exact sums."""
    rows = table.to_dicts()
    for row, reason in zip(rows, reasons or [], strict=False):
        if reason is not None:
            row.update(reason.as_dict())
    return rows


def _spoken(run: Run, item_ids: Iterable[str]) -> dict[str, str]:
    """Return the beginnings of the transcripts of videos, by item id."""
    from mmgcn.serving.item_table import one_line
    from mmgcn.serving.spoken_captions import spoken_captions, stores_of

    texts = {i: one_line(text) for i, text in spoken_captions(stores_of(run), item_ids).items()}
    return {
        item_id: text if len(text) <= MAX_SPOKEN else f"{text[: MAX_SPOKEN - 1].rstrip()}…"
        for item_id, text in texts.items()
    }


def _number(score: float) -> str:
    return f"{score:.4f}" if abs(score) < 1000 else f"{score:,.1f}"
