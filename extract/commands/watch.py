"""mmgcn extract --watch: extract the files of a folder as they arrive."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from extract.commands.output import print_message, printable

if TYPE_CHECKING:
    from extract.catalogue import Catalogue, Item
    from extract.pipeline import Report

POLL_SECONDS = 2.0
SETTLE_SECONDS = 5.0


def watch(
    folder: Path,
    read: Callable[[], Catalogue],
    extract: Callable[[Catalogue, Sequence[Item]], Report],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Counter[str]:
    """Extract the items of a folder once their files have settled, until Ctrl-C.

    Args:
        folder: folder to watch.
        read: returns the catalogue of the folder.
        extract: extracts some items of the catalogue.
        sleep, clock: used by the loop.

    Returns:
        The number of items by status: failed if an item failed in any modality, otherwise done; and
        `interrupted`, 1 if Ctrl-C was pressed during an extraction.
    """
    counts: Counter[str] = Counter()
    print_message(f"watching {folder}; Ctrl-C ends")
    for catalogue, items in _batches(read, sleep=sleep, clock=clock):
        report = extract(catalogue, items)
        failed = {failure.id for failure in report.failures}
        counts["failed"] += len(failed)
        counts["done"] += len(items) - len(failed)
        if report.interrupted:
            counts["interrupted"] += 1
            break
        typer.echo(f"{len(items):,} new items extracted, {len(failed):,} of them failed")
        for failure in report.failures:
            line = f"failed: {failure.path} ({failure.modality}): {failure.reason}"
            typer.echo(printable(line))
    return counts


def _batches(
    read: Callable[[], Catalogue],
    *,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Iterator[tuple[Catalogue, list[Item]]]:
    """Yield the items that have settled, as they arrive; never ends."""
    from extract.catalogue import EmptyFolder
    from extract.pipeline.settling import SettledItems

    settled = SettledItems(SETTLE_SECONDS)
    shown: set[str] = set()

    def show(note: str) -> None:
        if note not in shown:
            print_message(f"note: {note}")
            shown.add(note)

    with suppress(
        KeyboardInterrupt
    ):  # while nothing is extracted: one during an extraction is not raised here
        while True:
            try:
                catalogue = read()
            except EmptyFolder:
                sleep(POLL_SECONDS)
                continue
            except ValueError as error:  # such as a table of captions that is being written
                show(f"{error}; trying again")
                sleep(POLL_SECONDS)
                continue
            for note in catalogue.notes:
                show(note)
            items = settled.poll(catalogue.items, now=clock())
            if items:
                yield catalogue, items
            else:
                sleep(POLL_SECONDS)
