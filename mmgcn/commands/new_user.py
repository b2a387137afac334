"""NewUser: the options of `recommend` for a user who is not in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extract.commands.options import Flag, name_and_value

if TYPE_CHECKING:
    import numpy as np

    from mmgcn.data.ids import IdMap
    from mmgcn.run import Run

NEW_USER_FLAGS = {"like": Flag(metavar="<path>")}


@dataclass(frozen=True)
class NewUser:
    """The videos that a user watched who is not in the run."""

    history: tuple[str, ...] = ()
    """Items watched by a user who is not in the run, separated by commas or repeated."""
    like: tuple[Path, ...] = ()
    """Watched video that is not in the run, represented by its content. Repeatable, also with
    --history. Takes seconds, to load the encoders."""

    def __bool__(self) -> bool:
        return bool(self.history or self.like)

    def item_ids(self, known: IdMap) -> list[str]:
        """Return the ids of the history. Text with commas is a single id if the run has that id."""
        ids: list[str] = []
        for text in self.history:
            ids += [text] if known.get([text])[0] >= 0 else [one for one in text.split(",") if one]
        return ids

    def item_vectors(
        self, run: Run, *, store: Path | None, encoders: Sequence[str], captions: str | None
    ) -> np.ndarray | None:
        """Return the vectors of the videos that are not in the run, None without such videos.

        Args:
            store: feature store of the run, if it was moved.
            encoders: MODALITY=NAME of each encoder whose weights were moved.
            captions: the option --captions.

        Shapes:
            the result: (N, d).
        """
        if not self.like:
            return None
        from extract.catalogue import caption_sources
        from mmgcn.serving.cold_start.cold_items import item_vectors

        _, speech = caption_sources(captions)
        pairs = [name_and_value(text, "--encoder") for text in encoders]
        return item_vectors(run, self.like, store=store, encoders=pairs, speech=speech)
