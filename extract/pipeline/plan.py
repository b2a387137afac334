"""Plan: the items whose rows a target lacks, or has for other bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from extract.catalogue import AnyFile, Item
from extract.media import MediaError
from extract.pipeline.target import Target
from extract.store import Record, content_hash, file_name
from extract.workers.decoder import IMAGES, file_facts
from extract.workers.messages import FileFacts

BOTH = "+"  # between the hashes of a file and its caption, for encoders of items


@dataclass
class Plan:
    """Items to extract.

    Args:
        todo: slots of the targets that lack an item, by the item's index; in the items' order.
        skipped: number of up-to-date items, by slot of the target.
        moved: slots and new records of files that were touched or moved but not changed.
    """

    todo: dict[int, set[int]] = field(default_factory=dict)
    skipped: Counter[int] = field(default_factory=Counter)
    moved: list[tuple[int, Record]] = field(default_factory=list)


def make_plan(
    items: Sequence[Item],
    targets: Sequence[Target],
    *,
    root: Path | None,
    retry_failed: bool,
    verify: bool,
    image_folders: Sequence[Path] = (),
    should_continue: Callable[[int], bool] = lambda _: True,
) -> Plan:
    """Compare items with the records of the targets; nothing is written.

    A file with the size, time and path of its record counts as unchanged; if any of them differs,
    the hashes are compared.

    Args:
        retry_failed: whether items that failed before are extracted again.
        verify: whether stored rows are read and compared with their hash, not only their size.
        image_folders: folders of posters and sprites; clips that lack a file there are extracted
            again.
        should_continue: called with the number of compared items, as comparing may take long;
            returning False ends the comparison, and the plan omits the other items.
    """
    plan = Plan()
    for index, item in enumerate(items):
        if not should_continue(index):
            break
        facts = _Facts(item, root)
        needed = set()
        for slot, target in enumerate(targets):
            if _has(target, item, facts, plan, slot, retry_failed, verify):
                plan.skipped[slot] += 1
            else:
                needed.add(slot)
        if any(not (folder / f"{file_name(item.id)}.jpg").is_file() for folder in image_folders):
            slots = [slot for slot, target in enumerate(targets) if _has_frames(target, item)]
            if slots and needed.isdisjoint(slots):
                needed.add(slots[0])
                plan.skipped[slots[0]] -= 1
        if needed:
            plan.todo[index] = needed
    return plan


def source_of(path: AnyFile | None, root: Path | None) -> str:
    """Return a path as records store it: relative to the root if it is inside."""
    if path is None:
        return ""
    if root is not None and isinstance(path, Path) and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.as_posix()


def text_hash(text: str | None) -> str:
    """Return the hash of a caption; an empty string without one."""
    return content_hash(text.encode("utf-8", "surrogatepass")) if text else ""


def item_hash(facts: FileFacts, caption: str | None) -> str:
    """Return the hash of an item: of its file and its caption."""
    return f"{facts.content_hash}{BOTH}{text_hash(caption)}"


def _has_frames(target: Target, item: Item) -> bool:
    """Return whether frames of the item were encoded, so that posters and sprites can be drawn."""
    record = target.features.records.get(item.id) if target.features is not None else None
    return target.encoder.reads in IMAGES and record is not None and record.rows > 0


class _Facts:
    """Size, time and hash of one item's file, read once for all targets."""

    def __init__(self, item: Item, root: Path | None) -> None:
        self.source = source_of(item.path, root)
        self._path = item.path
        self._hashed: FileFacts | None = None
        try:
            self.status = item.path.stat() if item.path is not None else None
        except OSError:
            self.status = None

    def match(self, record: Record) -> bool:
        """Whether size, time and path equal those of the record."""
        if self.status is None:
            return self._path is None and record.content_hash.partition(BOTH)[0] == ""
        return (record.size_bytes, record.mtime_ns, record.source) == (
            *(self.status.st_size, self.status.st_mtime_ns),
            self.source,
        )

    @property
    def hashed(self) -> FileFacts:
        """Size, time and hash; empty if the file cannot be read."""
        if self._hashed is None:
            self._hashed = FileFacts()
            if self._path is not None:
                with suppress(OSError, MediaError):
                    self._hashed = file_facts(self._path)
        return self._hashed


def _has(
    target: Target,
    item: Item,
    facts: _Facts,
    plan: Plan,
    slot: int,
    retry_failed: bool,
    verify: bool,
) -> bool:
    features = target.features
    record = features.records.get(item.id) if features is not None else None
    if record is None or features is None or not features.is_intact(record, thorough=verify):
        return False
    if record.status == "failed" and retry_failed:
        return False
    if target.encoder.reads == "text" and item.caption:
        return record.content_hash == text_hash(item.caption)  # whatever the file is
    if target.encoder.reads == "item" and not record.content_hash.endswith(
        f"{BOTH}{text_hash(item.caption)}"
    ):
        return False
    if facts.match(record):
        return True
    found = facts.hashed.content_hash
    if not found or record.content_hash.partition(BOTH)[0] != found:
        return False
    now = replace(
        record,
        source=facts.source,
        size_bytes=facts.hashed.size_bytes,
        mtime_ns=facts.hashed.mtime_ns,
    )
    plan.moved.append((slot, now))
    return True
