"""Ledger: the items that are left to extract, and the records and counts of finished ones."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from extract.catalogue import Item
from extract.encoder import Segment
from extract.media import Coverage
from extract.pipeline.plan import Plan, source_of
from extract.pipeline.progress import ProgressReporter
from extract.pipeline.report import Failure, Report
from extract.pipeline.target import Target
from extract.store import FeatureSet, Record, Status
from extract.workers.messages import FileFacts


class StoppedAtFailure(ValueError):
    """A clip failed in a strict run."""


class Ledger:
    """Writes rows and records of items into the feature sets of their targets, and counts.

    An `index` is a position in `items`, a `slot` one in `targets`.

    Args:
        strict: whether to raise after writing a failure.
    """

    def __init__(
        self,
        items: Sequence[Item],
        targets: Sequence[Target],
        plan: Plan,
        reporter: ProgressReporter,
        *,
        root: Path | None,
        strict: bool,
    ) -> None:
        self.items, self.targets, self.reporter = items, targets, reporter
        self._plan, self._root, self._strict = plan, root, strict
        self._cosines: dict[str, float] = {}
        reporter.num_done, reporter.num_total = 0, len(plan.todo)

    @property
    def todo(self) -> dict[int, set[int]]:
        """Indices of the items that are left, and the slots of the targets that lack them."""
        return self._plan.todo

    def needs(self, index: int, slot: int) -> bool:
        """Whether the target lacks the item."""
        return slot in self.todo.get(index, ())

    def open(self) -> None:
        """Update the records of files that were moved.

        Raises:
            StoppedAtFailure: `strict`, and an item failed in an earlier run.
        """
        for slot, record in self._plan.moved:
            self._set(slot).update_record(record)
        if self._strict:
            earlier = self.report().failures
            left = {self.items[index].id for index in self.todo}
            for failure in earlier:
                if failure.id not in left:
                    raise StoppedAtFailure(
                        f"{failure.path} failed in an earlier run: {failure.reason}; stopped by "
                        "strict=True (retry_failed=True extracts it again)"
                    )

    def write(
        self,
        slot: int,
        index: int,
        rows: np.ndarray | None,
        facts: FileFacts,
        *,
        pts_seconds: np.ndarray | None = None,
        status: Status = "done",
        reason: str | None = None,
        covered: Coverage | None = None,
        segments: tuple[Segment, ...] = (),
    ) -> None:
        """Store the rows and the record of one item in one target.

        Args:
            facts: size, time and hash of the bytes that were read; a caption has no size.
            covered: the part of the clip that was read.
            segments: segments of speech, with times.

        Shapes:
            rows: (T, D), or None without rows; pts_seconds: (T,), or (T, 2): start and end.

        Raises:
            StoreError: it cannot be written.
            StoppedAtFailure: `strict`, and the item failed.
        """
        item = self.items[index]
        started = time.perf_counter()
        times = np.zeros(0) if pts_seconds is None else np.round(pts_seconds, 6)
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
            pts_seconds=tuple((times if times.ndim == 1 else times[:, 0]).tolist()),
            end_seconds=() if times.ndim == 1 else tuple(times[:, 1].tolist()),
            segments=segments,
        )
        try:
            self._set(slot).write(record, rows)
        except (
            ValueError
        ) as error:  # the rows cannot be stored, for example because they are not finite
            record = replace(
                record, status="failed", reason=str(error), pts_seconds=(), end_seconds=()
            )
            self._set(slot).write(record, None)
        self.reporter.disk_seconds += time.perf_counter() - started
        self._mark_done(slot, index)
        if rows is not None:
            self.reporter.num_rows += len(rows)
        if record.status == "failed":
            self.reporter.failed.add(item.id)
            if self._strict:
                raise StoppedAtFailure(
                    f"{item.path or item.id} failed: {record.reason}; stopped by strict=True"
                )

    def close(self) -> None:
        """Sort the records of the sets."""
        for slot in range(len(self.targets)):
            self._set(slot).finish()

    def note_cosine(self, slot: int, cosine: float | None) -> None:
        """Store the smallest cosine of a modality's rows to float32."""
        if cosine is not None:
            name = self.targets[slot].modality.name
            self._cosines[name] = min(cosine, self._cosines.get(name, cosine))

    def report(self, *, planned: bool = False, interrupted: bool = False) -> Report:
        """Return the status of these items in the store.

        Args:
            planned: whether the report is that of a dry run.
        """
        report = Report(interrupted=interrupted, seconds=self.reporter.seconds)
        report.planned = len(self.todo) if planned else None
        report.cosines = dict(self._cosines)
        for slot, target in enumerate(self.targets):
            name = target.modality.name
            if name in report.counts:  # another encoder of the modality
                name = f"{name}/{target.encoder.name}"
            if name in report.counts:  # the same encoder with other weights
                name = f"{name}:{target.encoder.given_weights}"
            counts = report.counts[name] = Counter({"skipped": self._plan.skipped[slot]})
            if target.features is not None:
                report.sets[name] = target.features.path
            for item in self.items:
                record = target.features.records.get(item.id) if target.features else None
                counts["not done" if record is None else record.status] += 1
                if record is not None and record.status in ("failed", "partial"):
                    failure = Failure(item.id, name, str(item.path or ""), record.reason or "")
                    listed = report.failures if record.status == "failed" else report.partial
                    listed.append(failure)
        return report

    def _set(self, slot: int) -> FeatureSet:
        features = self.targets[slot].features
        assert features is not None, "targets are opened before they are filled"
        return features

    def _mark_done(self, slot: int, index: int) -> None:
        self.todo[index].discard(slot)
        if not self.todo[index]:
            del self.todo[index]
            self.reporter.num_done += 1


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
