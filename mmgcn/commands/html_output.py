"""HTML output of `recommend --html` and `report`: posters, captions and lists of users."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmgcn.commands.output import print_message

if TYPE_CHECKING:
    import polars as pl

    from mmgcn.report.lists import UserList
    from mmgcn.report.poster_images import DrawPoster, PosterImages
    from mmgcn.serving.explanation import Explanation
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender

MAX_LISTS = 100  # number of lists in a document


class MediaForHtml:
    """Posters and captions of a document.

    Args:
        videos: folder of videos, or table with item_id and path; None for no posters.
        table: captions, which take precedence over those beside the videos.
        stores: feature stores, whose transcripts are used for videos without a caption.
    """

    def __init__(
        self, videos: Path | None, table: ItemTable, *, stores: Iterable[Path | str] = ()
    ) -> None:
        from mmgcn.report.poster_images import PosterImages
        from mmgcn.serving.spoken_captions import spoken_captions

        self.captions: dict[str, str] = spoken_captions(stores)
        self._failed: dict[str, str] = {}
        draw = None if videos is None else self._drawing(videos)
        self.captions |= dict(table.rows.select("item_id", "caption").drop_nulls().iter_rows())
        self.posters: PosterImages = PosterImages(draw)

    def _drawing(self, source: Path) -> DrawPoster:
        from mmgcn.display.posters import PosterError, Posters, default_folder
        from mmgcn.display.videos import Videos

        videos = Videos.read(source)
        for note in videos.notes:
            print_message(f"note: {note}")
        self.captions |= videos.captions
        posters = Posters(default_folder(videos.root or source))

        def draw(item_id: str) -> bytes | None:
            if item_id not in videos.paths:
                return None
            try:
                return posters.draw(item_id, videos.paths[item_id]).read_bytes()
            except PosterError as error:
                self._failed[item_id] = str(error)
                return None

        return draw

    def report_failures(self) -> None:
        """Print a note for each video whose poster could not be drawn."""
        for item_id, reason in self._failed.items():
            print_message(f"note: no poster of '{item_id}': {reason}")


class HtmlLists:
    """The file of `recommend --html`."""

    def __init__(self, path: Path, recommender: Recommender, media: MediaForHtml) -> None:
        self._path, self._recommender, self._media = path, recommender, media

    def write_users(self, table: pl.DataFrame, reasons: Sequence[Explanation | None]) -> None:
        """Write the lists in a table of user_id, item_id, score, rank, with one reason per row."""
        self._write(lists_of(self._recommender, table, reasons))

    def write_history(
        self, watched: Sequence[str], table: pl.DataFrame, reasons: Sequence[Explanation | None]
    ) -> None:
        """Write the list of a user who is not in the run."""
        from mmgcn.report.lists import Entry, UserList

        rows = zip(table.iter_rows(named=True), reasons, strict=True)
        entries = [Entry(row["item_id"], row["rank"], row["score"], why) for row, why in rows]
        self._write([UserList("New user", watched, entries)])

    def _write(self, lists: Sequence[UserList]) -> None:
        from mmgcn.report.document import write_document
        from mmgcn.report.lists import list_document

        text = list_document(
            lists,
            run=self._recommender.run.path.name,
            captions=self._media.captions,
            posters=self._media.posters,
        )
        write_document(self._path, text)
        self._media.report_failures()
        print_message(f"{self._path}: {len(text.encode()) / 1e6:.1f} MB")


def lists_of(
    recommender: Recommender, table: pl.DataFrame, reasons: Sequence[Explanation | None]
) -> list[UserList]:
    """Return the lists in a table of user_id, item_id, score, rank.

    Raises:
        ValueError: there are more users than a document may contain.
    """
    from mmgcn.report.lists import Entry, UserList

    num_users = table["user_id"].n_unique()
    if num_users > MAX_LISTS:
        raise ValueError(
            f"a document contains lists of up to {MAX_LISTS} users, and there are {num_users:,}; "
            "write a table with --out"
        )
    entries: dict[str, list[Entry]] = {}
    for row, reason in zip(table.iter_rows(named=True), reasons, strict=True):
        entry = Entry(row["item_id"], row["rank"], row["score"], reason)
        entries.setdefault(row["user_id"], []).append(entry)
    lists = []
    for user_id, own in entries.items():
        known = recommender.run.users.get([user_id])[0] >= 0
        watched = recommender.history(user_id) if known else []
        lists.append(UserList(f"User {user_id}", watched, own))
    return lists
