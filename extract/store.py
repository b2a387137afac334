"""FeatureStore: one .npy per item, a manifest, records; atomic, verified, memory-mapped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

SCHEMA_VERSION = 1
MAX_NAME_BYTES = 200  # file systems allow 255; room for the suffix and a temporary's prefix
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
Status = Literal["done", "partial", "missing", "failed"]


class StoreError(OSError):
    """The store cannot be read or written as asked; the message says why and what to do."""


class NoFeatures(StoreError, LookupError):
    """There is no feature set where one was looked for."""


@dataclass(frozen=True)
class Record:
    """What came of one item. Holds nothing that differs between two runs over the same files.

    Args:
        id: the item's id.
        source: the path it was read from, relative to the folder of videos where it lies inside.
        size_bytes, mtime_ns: of the file; they spare hashing a file that did not change.
        content_hash: of the bytes that were encoded; what decides whether it did change.
        status: done; partial (less than the file promised); missing (nothing to read in this
            modality: no sound, no caption); failed.
        reason: why, for a person, where the status is not done.
        rows: how many rows were written.
        rows_hash: of the .npy file, checked by `verify`.
        num_bytes: its size, checked whenever the store is opened for extraction.
        seconds, expected_seconds: of the clip, decoded and promised.
        pts_seconds: the time of each row.
    """

    id: str
    source: str = ""
    size_bytes: int = 0
    mtime_ns: int = 0
    content_hash: str = ""
    status: Status = "done"
    reason: str | None = None
    rows: int = 0
    rows_hash: str | None = None
    num_bytes: int = 0
    seconds: float | None = None
    expected_seconds: float | None = None
    pts_seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Aligned:
    """Features in the order of somebody else's ids.

    Shapes:
        features: (I, D) float32; rows of absent items are zero.
        present: (I,) bool.
        unknown: ids of which the set has no record at all.
    """

    features: np.ndarray
    present: np.ndarray
    unknown: list[str]


@dataclass(frozen=True)
class Problem:
    """Something that `verify` found."""

    id: str
    what: str


def file_name(item_id: str) -> str:
    """Return the name under which an item's rows are stored, without suffix.

    Percent-encoding keeps every id apart from every other and out of every other folder. Capital
    letters are encoded too, so that `A` and `a` stay two files where the file system does not
    tell them apart. An id too long for a file name keeps its beginning and gets a hash.

    >>> file_name("my.day v1.2")
    'my.day%20v1.2'
    >>> file_name("../A"), file_name(".")
    ('%2E.%2F%41', '%2E')
    """
    name = "".join(
        # No hidden files, no `.` and `..`.
        character if character in PLAIN and not (index == 0 and character == ".") else encoded
        for index, character in enumerate(item_id)
        for encoded in ["".join(f"%{b:02X}" for b in character.encode("utf-8", "surrogatepass"))]
    )
    if len(name) <= MAX_NAME_BYTES:
        return name
    # `%~` starts no encoded character, so no short id has such a name.
    return (
        f"{name[: MAX_NAME_BYTES - 40]}%~{content_hash(item_id.encode('utf-8', 'surrogatepass'))}"
    )


class FeatureStore:
    """A folder of feature sets: `root/<modality>/<encoder>-<digest>/`."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def modalities(self) -> tuple[str, ...]:
        """The modalities of which there is a current feature set, sorted."""
        if not self.root.is_dir():
            raise NoFeatures(
                f"no feature store at {self.root}; make one with: mmgcn extract VIDEOS "
                f"--out {self.root}"
            )
        return tuple(sorted(path.parent.name for path in self.root.glob("*/current")))

    def all_sets(self) -> Iterator[FeatureSet]:
        """Yield every set, the current ones and the others, in the order of their folders."""
        self.modalities()  # is there a store at all?
        for path in sorted(self.root.glob("*/*/manifest.json")):
            yield FeatureSet(path.parent)

    def feature_set(self, modality: str) -> FeatureSet:
        """Return the set of that modality that was extracted last.

        Raises:
            NoFeatures: there is none.
        """
        pointer = self.root / modality / "current"
        if not pointer.is_file():
            known = ", ".join(self.modalities()) or "none"
            raise NoFeatures(f"{self.root} holds no {modality} features; it holds: {known}")
        return FeatureSet(self.root / modality / pointer.read_text(encoding="utf-8").strip())

    def find(self, modality: str, manifest: Mapping[str, Any]) -> FeatureSet | None:
        """Return the set for that manifest if it is there; nothing is written."""
        folder = self._folder(modality, manifest)
        return FeatureSet(folder) if (folder / "manifest.json").exists() else None

    def create(
        self,
        modality: str,
        manifest: Mapping[str, Any],
        *,
        versions: Mapping[str, str] | None = None,
        current: bool = True,
    ) -> FeatureSet:
        """Return the set for that manifest, made if it is not there.

        The manifest says everything that changes a number; its digest names the folder. The
        versions of libraries are kept beside it and change no digest.

        Args:
            current: whether it becomes the modality's current set at once.
        """
        folder = self._folder(modality, manifest)
        with _explained(folder):
            (folder / "items").mkdir(parents=True, exist_ok=True)
            if not (folder / "manifest.json").exists():
                held = _full(modality, manifest) | {"versions": dict(versions or {})}
                text = json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
                write_atomically(folder / "manifest.json", text.encode())
        made = FeatureSet(folder)
        if current:
            self.make_current(made)
        return made

    def make_current(self, features: FeatureSet, *, replace: bool = True) -> None:
        """Make it the set that `feature_set` returns of its modality.

        Args:
            replace: whether another one loses that place.
        """
        pointer = features.path.parent / "current"
        text = f"{features.path.name}\n"
        if (not pointer.exists() or replace) and not _same(pointer, text):
            with _explained(pointer):
                write_atomically(pointer, text.encode())

    def _folder(self, modality: str, manifest: Mapping[str, Any]) -> Path:
        full = _full(modality, manifest)
        return self.root / modality / f"{manifest['encoder']}-{digest(full)}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store for writing; a second process is refused at once.

        The lock is the operating system's, so it goes with the process that held it, however that
        process ended.
        """
        with _explained(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            handle = (self.root / ".lock").open("a+")
        with handle:
            try:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # pragma: no cover  (Windows: a second writer is not noticed)
                pass
            except OSError as error:
                handle.seek(0)
                raise StoreError(
                    f"{self.root} is being written by process {handle.read().strip() or 'unknown'};"
                    " wait for it to end, or write to another folder with --out"
                ) from error
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            try:
                yield
            finally:
                handle.truncate(0)


class FeatureSet:
    """The features of one modality by one encoder with one set of weights and settings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} is no feature set: {error}") from error
        version = self.manifest.get("schema_version")
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise StoreError(
                f"{path} was written by a newer mmgcn (format {version}, this one reads up to "
                f"{SCHEMA_VERSION}); upgrade mmgcn, or extract into another folder"
            )
        self._records: dict[str, Record] | None = None

    @property
    def digest(self) -> str:
        """What names the encoder, its weights and every setting."""
        return self.path.name.rpartition("-")[2]

    @property
    def records(self) -> Mapping[str, Record]:
        """The last record of every item, by id."""
        if self._records is None:
            self._records = {r.id: r for r in _read_records(self.path / "records.jsonl")}
        return self._records

    def write(self, record: Record, rows: np.ndarray | None) -> None:
        """Store one item: its rows, then its record. A crash between the two redoes the item.

        Shapes:
            rows: (T, D), or None where there are none to store.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
            ValueError: rows that are not finite or not (T, D).
        """
        target = self.rows_path(record.id)
        with _explained(self.path):
            if rows is None:
                target.unlink(missing_ok=True)
                stored = record
            else:
                data = _npy_bytes(self._checked(record.id, rows))
                write_atomically(target, data)
                stored = Record(
                    **asdict(record)
                    | {"rows": len(rows), "rows_hash": content_hash(data), "num_bytes": len(data)}
                )
            self._append(stored)
        if self._records is not None:
            self._records[record.id] = stored

    def touch(self, record: Record) -> None:
        """Store a record whose rows are there already."""
        with _explained(self.path):
            self._append(record)
        if self._records is not None:
            self._records[record.id] = record

    def read(self, item_id: str) -> np.ndarray:
        """Return the rows of one item, memory-mapped.

        Shapes:
            the result: (T, D), T >= 1, in time order.

        Raises:
            NoFeatures: there is none of that id.
        """
        path = self.rows_path(item_id)
        try:
            rows: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError as error:
            record = self.records.get(item_id)
            why = f"it is {record.status}: {record.reason}" if record else "it was never extracted"
            raise NoFeatures(
                f"no {self.manifest['modality']} rows of '{item_id}': {why}"
            ) from error
        except (ValueError, OSError, EOFError) as error:
            raise StoreError(
                f"{path} is corrupt: {error}; extract again, that file will be redone"
            ) from error
        return rows

    def rows_path(self, item_id: str) -> Path:
        """Where the rows of an item lie."""
        return self.path / "items" / f"{file_name(item_id)}.npy"

    def is_whole(self, record: Record, *, thorough: bool = False) -> bool:
        """Whether the rows that the record speaks of are there in full size.

        Args:
            thorough: whether they are read and compared with their hash, too.
        """
        if record.rows == 0:
            return True
        path = self.rows_path(record.id)
        try:
            if thorough:
                return content_hash(path.read_bytes()) == record.rows_hash
            return path.stat().st_size == record.num_bytes
        except OSError:
            return False

    def finish(self) -> None:
        """Keep the last record of every item, sorted by id, and drop what an interruption left."""
        with _explained(self.path):
            ordered = sorted(self.records.values(), key=lambda record: record.id)
            text = "".join(_record_line(record) for record in ordered)
            if not _same(self.path / "records.jsonl", text):
                write_atomically(self.path / "records.jsonl", text.encode())
            for leftover in (*self.path.rglob("*.tmp"), *self.path.parent.glob("*.tmp")):
                leftover.unlink(missing_ok=True)

    def verify(self) -> list[Problem]:
        """Read every file and compare it with its record."""
        problems = []
        for record in self.records.values():
            if record.rows == 0:
                continue
            try:
                data = self.rows_path(record.id).read_bytes()
            except OSError as error:
                problems.append(Problem(record.id, f"cannot be read: {error.strerror}"))
                continue
            if content_hash(data) != record.rows_hash:
                problems.append(Problem(record.id, "is not what was written"))
        known = {self.rows_path(item_id) for item_id in self.records}
        strays = sorted(set((self.path / "items").glob("*.npy")) - known)
        return problems + [Problem(path.name, "belongs to no record") for path in strays]

    def pooled(self) -> tuple[list[str], np.ndarray]:
        """Return one vector an item, computed once and kept beside the set.

        Shapes:
            the result: N ids, sorted, and (N, D) float32, memory-mapped.
        """
        records = [r for _, r in sorted(self.records.items()) if r.rows > 0]
        pooling = self.manifest.get("pooling", "mean")
        ids = [record.id for record in records]
        key = content_hash(
            "\n".join(f"{r.id!r} {r.rows_hash}" for r in records).encode() + pooling.encode()
        )[:16]
        path = self.path / f"pooled-{pooling}-{key}.npy"
        if not path.exists():
            width = self.manifest["dim"] * (2 if pooling == "mean_std" else 1)
            matrix = np.zeros((len(ids), width), dtype=np.float32)
            for index, item_id in enumerate(ids):
                matrix[index] = pool(self.read(item_id), pooling)
            for old in self.path.glob("pooled-*.npy"):
                old.unlink(missing_ok=True)
            try:
                write_atomically(path, _npy_bytes(matrix))
            except OSError:
                return ids, matrix  # a store that may only be read serves all the same
        return ids, np.load(path, mmap_mode="r", allow_pickle=False)

    def align(self, item_ids: Sequence[str]) -> Aligned:
        """Return the pooled features in the order of the given ids, joined by id.

        Shapes:
            see `Aligned`.
        """
        ids, matrix = self.pooled()
        place = {item_id: index for index, item_id in enumerate(ids)}
        source = np.array([place.get(item_id, -1) for item_id in item_ids], dtype=np.int64)
        present = source >= 0
        features = np.zeros((len(item_ids), matrix.shape[1]), dtype=np.float32)
        features[present] = matrix[source[present]]
        return Aligned(features, present, [i for i in item_ids if i not in self.records])

    def _checked(self, item_id: str, rows: np.ndarray) -> np.ndarray:
        if rows.ndim != 2 or rows.shape[1] != self.manifest["dim"]:
            raise ValueError(
                f"rows of '{item_id}' are {rows.shape}, not (T, {self.manifest['dim']})"
            )
        if not np.isfinite(rows).all():
            raise ValueError(f"rows of '{item_id}' are not finite")
        stored = np.ascontiguousarray(rows, dtype=self.manifest.get("dtype", "float16"))
        if not np.isfinite(stored).all():
            raise ValueError(f"rows of '{item_id}' do not fit {stored.dtype}; use --dtype float32")
        return stored

    def _append(self, record: Record) -> None:
        path = self.path / "records.jsonl"
        with path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
                if torn:
                    file.write(b"\n")
            file.write(_record_line(record).encode())
            file.flush()
            os.fsync(file.fileno())


def pool(rows: np.ndarray, pooling: str) -> np.ndarray:
    """Turn the rows of one item into one vector.

    Shapes:
        rows: (T, D); the result: (D,) float32, (2D,) for mean_std.
    """
    data = np.asarray(rows, dtype=np.float32)
    if pooling == "mean":
        return np.asarray(data.mean(axis=0))
    if pooling == "max":
        return np.asarray(data.max(axis=0))
    if pooling == "first":
        return np.asarray(data[0])
    if pooling == "mean_std":
        return np.concatenate([data.mean(axis=0), data.std(axis=0)])
    raise ValueError(f"unknown pooling '{pooling}'; known: mean, max, first, mean_std")


def digest(content: Mapping[str, Any]) -> str:
    """Return 12 hex digits of the content, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return content_hash(text.encode())[:12]


def _full(modality: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "modality": modality, **manifest}


def content_hash(data: bytes) -> str:
    """Return the BLAKE2b-128 of the data as hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write the file whole or not at all: under another name, to the disk, then renamed."""
    temporary = path.with_name(f".{path.name[:64]}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the system says of a write into what a person can do about it."""
    ways = {
        errno.ENOSPC: "the disk is full; free some space and run the same command again: "
        "what is finished is kept",
        errno.EDQUOT: "your quota is used up; free some space and run the same command again: "
        "what is finished is kept",
        errno.EROFS: "the file system is read-only; name another folder with --out",
        errno.EACCES: "permission denied; name a folder that you may write with --out",
        errno.ENOTDIR: "a file stands where a folder is needed; name another folder with --out",
        errno.EEXIST: "a file stands where a folder is needed; name another folder with --out",
    }
    try:
        yield
    except OSError as error:
        if isinstance(error, StoreError) or error.errno not in ways:
            raise
        raise StoreError(f"cannot write {path}: {ways[error.errno]}") from error


def _npy_bytes(array: np.ndarray) -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _record_line(record: Record) -> str:
    held = {name: value for name, value in asdict(record).items() if value not in (None, "", ())}
    return json.dumps(held, sort_keys=True, separators=(",", ":")) + "\n"


def _read_records(path: Path) -> Iterator[Record]:
    if not path.exists():
        return
    known = Record.__dataclass_fields__.keys()
    with path.open("rb") as file:
        for line in file:
            try:
                held = json.loads(line)
            except ValueError:
                continue  # torn by an interruption: the item is simply done again
            held["pts_seconds"] = tuple(held.get("pts_seconds", ()))
            yield Record(**{name: value for name, value in held.items() if name in known})


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_bytes() == text.encode()
