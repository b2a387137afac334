"""Ledger: what is left to do, and what came of what was done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from extract.catalog import Item
from extract.media import Coverage
from extract.pipeline.plan import Plan, source_of
from extract.pipeline.progress import Teller
from extract.pipeline.report import Failure, Report
from extract.pipeline.target import Target
from extract.store import FeatureSet, Record, Status
from extract.workers.messages import FileFacts


class StoppedAtFailure(ValueError):
    """A clip failed, and the run was told to stop at the first that does."""


class Ledger:
    """Writes what came of each item into its targets, and counts.

    Items and targets go by their places, `index` and `place`.

    Args:
        strict: whether to raise when a failure has been written.
    """

    def __init__(
        self,
        items: Sequence[Item],
        targets: Sequence[Target],
        plan: Plan,
        teller: Teller,
        *,
        root: Path | None,
        strict: bool,
    ) -> None:
        self.items, self.targets, self.teller = items, targets, teller
        self._plan, self._root, self._strict = plan, root, strict
        self._cosines: dict[str, float] = {}
        teller.num_total = len(plan.todo)

    @property
    def todo(self) -> dict[int, set[int]]:
        """The items that some target still wants, and those targets."""
        return self._plan.todo

    def wants(self, index: int, place: int) -> bool:
        """Whether the target still wants the item."""
        return place in self.todo.get(index, ())

    def open(self) -> None:
        """Write what the plan found out about files that were moved.

        Raises:
            StoppedAtFailure: `strict`, and an item failed in an earlier run.
        """
        for place, record in self._plan.moved:
            self._set(place).update_record(record)
        if self._strict:
            earlier = self.report().failures
            left = {self.items[index].id for index in self.todo}
            for failure in earlier:
                if failure.id not in left:
                    raise StoppedAtFailure(
                        f"{failure.path} failed in an earlier run: {failure.reason}; stopped by "
                        "--strict (--retry-failed does it again)"
                    )

    def write(
        self,
        place: int,
        index: int,
        rows: np.ndarray | None,
        facts: FileFacts,
        *,
        pts_seconds: np.ndarray | None = None,
        status: Status = "done",
        reason: str | None = None,
        covered: Coverage | None = None,
    ) -> None:
        """Store what came of one item in one target.

        Args:
            facts: of the bytes that were read; without a size where that was a caption.
            covered: how much of the clip there was.

        Shapes:
            rows: (T, D), None where the status says that there are none; pts_seconds: (T,).

        Raises:
            StoreError: it cannot be written.
            StoppedAtFailure: `strict`, and the item failed.
        """
        item = self.items[index]
        started = time.perf_counter()
        record = Record(
            id=item.id,
            source=source_of(item.path, self._root),
            size_bytes=facts.size_bytes,
            mtime_ns=facts.mtime_ns,
            content_hash=facts.content_hash,
            status=status,
            reason=reason,
            seconds=None if covered is None else _rounded(covered.seconds),
            expected_seconds=None if covered is None else _rounded(covered.expected_seconds),
            pts_seconds=() if pts_seconds is None else tuple(np.round(pts_seconds, 6).tolist()),
        )
        try:
            self._set(place).write(record, rows)
        except ValueError as error:  # rows that cannot be stored, such as non-finite ones
            record = replace(record, status="failed", reason=str(error), pts_seconds=())
            self._set(place).write(record, None)
        self.teller.disk_seconds += time.perf_counter() - started
        self._cross_off(place, index)
        if rows is not None:
            self.teller.num_rows += len(rows)
        if record.status == "failed":
            self.teller.failed.add(item.id)
            if self._strict:
                raise StoppedAtFailure(
                    f"{item.path or item.id} failed: {record.reason}; stopped by --strict"
                )

    def close(self) -> None:
        """Put the records in order."""
        for place in range(len(self.targets)):
            self._set(place).finish()

    def note_cosine(self, place: int, cosine: float | None) -> None:
        """Keep the least cosine to float32 of a modality's rows."""
        if cosine is not None:
            name = self.targets[place].modality.name
            self._cosines[name] = min(cosine, self._cosines.get(name, cosine))

    def report(self, *, planned: bool = False, interrupted: bool = False) -> Report:
        """Say what the store holds of these items now.

        Args:
            planned: whether to say what would be done instead of what was.
        """
        made = Report(interrupted=interrupted, seconds=self.teller.seconds)
        made.planned = len(self.todo) if planned else None
        made.cosines = dict(self._cosines)
        for place, target in enumerate(self.targets):
            name = target.modality.name
            if name in made.counts:  # another encoder of the modality
                name = f"{name}/{target.encoder.name}"
            if name in made.counts:  # the same encoder with other weights
                name = f"{name}:{target.encoder.given_weights}"
            counts = made.counts[name] = Counter({"skipped": self._plan.skipped[place]})
            if target.features is not None:
                made.sets[name] = target.features.path
            for item in self.items:
                record = target.features.records.get(item.id) if target.features else None
                counts["not done" if record is None else record.status] += 1
                if record is not None and record.status in ("failed", "partial"):
                    told = Failure(item.id, name, str(item.path or ""), record.reason or "")
                    listed = made.failures if record.status == "failed" else made.partial
                    listed.append(told)
        return made

    def _set(self, place: int) -> FeatureSet:
        features = self.targets[place].features
        assert features is not None, "targets are opened before they are filled"
        return features

    def _cross_off(self, place: int, index: int) -> None:
        self.todo[index].discard(place)
        if not self.todo[index]:
            del self.todo[index]
            self.teller.num_done += 1


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
