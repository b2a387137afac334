"""Bulk: the lists of all users of a run, made by Ray and written as Parquet parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import polars as pl

from extract.cluster import Cluster, ClusterError, connected
from mmgcn.data.ids import IdMap
from mmgcn.evaluation.ranking import block_users
from mmgcn.run import Csr, Run
from mmgcn.serving.recommender import Recommender
from mmgcn.serving.table_file import TableError

PART_USERS = 50_000  # of a part, about: lists of 10 are some megabytes
WAITING = 2  # parts that a worker has at once, so that it need not wait for the next
MAX_RETRIES = 3  # of a part whose worker died
SUCCESS = "_SUCCESS"
MASKS = ("seen", "valid")


def write_lists(
    recommender: Recommender,
    out: str,
    *,
    cluster: Cluster,
    workers: int | None = None,
    with_parts: bool = False,
    part_users: int = PART_USERS,
    **rules: Any,
) -> Iterator[int]:
    """Write the lists of all users to `out/part-00000.parquet` and so on; yield rows as they come.

    The rows are those of `Recommender.blocks`, in the same order if the parts are read in theirs.
    Items are sent to each worker once; users stay in this process's memory map and are sent a block
    at a time. When every part is there, an empty file `_SUCCESS` says so; it and the parts of an
    earlier time are removed first. A part whose worker died is made again.

    Args:
        out: a folder: a path that all machines share, or a URL such as s3://bucket/lists.
        workers: how many; by default one a CPU.
        with_parts: add what each channel contributes, as `Recommender.with_parts` does.
        part_users: users of a part, rounded to whole blocks.
        rules: as `Recommender.blocks` takes them.

    Raises:
        ClusterError: nobody answers, or the workers do not fit.
        ImportError: Ray, or what the URL needs, is not installed.
        TableError: the folder holds other files, or parts are missing at the end.
        ValueError, UnknownIds: rules that make no sense.
    """
    recommender.blocks(None, **rules)  # what is wrong with them is told before Ray is started
    files, folder = _prepared(out)
    run = recommender.run
    size = block_users(len(run.items))  # as in one process: a product's last bits go by its shape
    size *= max(1, round(part_users / size))
    with connected(cluster) as ray:
        num_workers, options = _layout(ray, cluster, workers, -(-len(run.users) // size))
        needs_parts = with_parts or bool(rules.get("diversity"))
        shared = ray.put(_Shared.of(run, rules, with_parts=with_parts, needs_parts=needs_parts))
        actor = ray.remote(_Ranker).options(
            max_restarts=MAX_RETRIES, max_task_retries=MAX_RETRIES, **options
        )
        free = [actor.remote(shared) for _ in range(num_workers)] * WAITING
        running: dict[Any, Any] = {}
        starts = iter(range(0, len(run.users), size))
        numbers = count()
        num_parts = 0
        while True:
            while free and (start := next(starts, None)) is not None:
                ranker = free.pop()
                path = f"{folder}/part-{next(numbers):05}.parquet"
                running[ranker.rank.remote(_Users.of(run, start, size), out, path)] = ranker
                num_parts += 1
            if not running:
                break
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            free.append(running.pop(done))
            yield _of_worker(ray, done)
    _finish(files, folder, out, num_parts)


@dataclass(frozen=True)
class _Shared:
    """What every worker holds: the items, and the rules."""

    config: Mapping[str, Any]
    item_ids: pl.Series
    item: np.ndarray
    parts: Mapping[str, np.ndarray]
    rules: Mapping[str, Any]
    with_parts: bool

    @classmethod
    def of(
        cls, run: Run, rules: Mapping[str, Any], *, with_parts: bool, needs_parts: bool
    ) -> _Shared:
        parts = {name: np.asarray(part) for name, part in run.parts.items()} if needs_parts else {}
        item = np.asarray(run.item)
        return cls(run.config, run.items.ids, item, parts, dict(rules), with_parts)


@dataclass(frozen=True)
class _Users:
    """A block of users. Shapes: user: (B, d)."""

    ids: pl.Series
    user: np.ndarray
    masks: Mapping[str, Csr]

    @classmethod
    def of(cls, run: Run, start: int, size: int) -> _Users:
        stop = min(start + size, len(run.users))
        masks = {}
        for name in MASKS:
            indptr, indices = run.csr(name)
            ends = np.array(indptr[start : stop + 1])
            masks[name] = ends - ends[0], np.array(indices[ends[0] : ends[-1]])
        return cls(run.users.ids[start:stop], np.array(run.user[start:stop]), masks)


class _PartOfRun(Run):
    """A run of a few of its users, held in memory."""

    def __init__(self, shared: _Shared, items: IdMap, users: _Users) -> None:
        self.config = {**shared.config, "num_users": len(users.ids)}
        self.items, self.item, self.parts = items, shared.item, dict(shared.parts)
        self.users, self.user = IdMap(users.ids, kind="user"), users.user
        self._masks = users.masks

    def csr(self, part: str) -> Csr:
        return self._masks[part]


class _Ranker:
    """A worker: ranks for blocks of users and writes a part for each."""

    def __init__(self, shared: _Shared) -> None:
        self._shared, self._items = shared, IdMap(shared.item_ids, kind="item")

    def rank(self, users: _Users, out: str, path: str) -> int:
        """Return how many rows the part has."""
        import fsspec

        recommender = Recommender(_PartOfRun(self._shared, self._items, users))
        blocks = recommender.blocks(None, **self._shared.rules)
        if self._shared.with_parts:
            blocks = map(recommender.with_parts, blocks)
        table = pl.concat(list(blocks))
        files, _ = fsspec.url_to_fs(out)
        with files.open(path, "wb") as file:
            table.write_parquet(file)
        return table.height


def _layout(
    ray: Any, cluster: Cluster, workers: int | None, num_parts: int
) -> tuple[int, dict[str, Any]]:
    """Return how many workers there are, and what Ray is to give each of them."""
    has = ray.cluster_resources()
    num_cpus, num_gpus = has.get("CPU", 0.0), cluster.num_gpus_per_worker
    each = 1.0 if cluster.num_cpus_per_worker is None else cluster.num_cpus_per_worker
    most = int(num_cpus / each) if each else int(num_cpus)
    chosen = min(max(1, most), num_parts) if workers is None else workers
    for what, wanted, there in (
        ("CPU", chosen * each, num_cpus),
        ("GPU", chosen * num_gpus, has.get("GPU", 0.0)),
    ):
        if wanted > there:
            raise ClusterError(
                f"{chosen} workers need {wanted:g} {what}s; the cluster has {there:g}: pass a "
                "smaller --workers"
            )
    return chosen, {"num_cpus": each, "num_gpus": num_gpus}


def _prepared(out: str) -> tuple[Any, str]:
    """Return the file system and the folder on it, emptied of an earlier time's parts."""
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(
            "--engine ray needs fsspec; install it with: pip install 'mmgcn[scale]'"
        ) from error
    files, folder = fsspec.url_to_fs(out)
    if "memory" in files.protocol:
        raise TableError(f"{out} lies in one process's memory, where its workers cannot write")
    files.makedirs(folder, exist_ok=True)
    held = _held(files, folder)
    others = [name for name in held if name != SUCCESS and not _is_part(name)]
    if others:
        raise TableError(f"{out} holds other files, such as {others[0]}; name a folder of its own")
    for name in sorted(held):  # _SUCCESS before the parts: what is left never looks whole
        files.rm(held[name])
    return files, folder


def _held(files: Any, folder: str) -> dict[str, str]:
    """Return the paths in a folder by their names; in an object store no folder is empty."""
    try:
        paths = files.ls(folder, detail=False)
    except FileNotFoundError:
        return {}
    named = {path.rpartition("/")[2]: path for path in paths}
    named.pop("", None)  # what some consoles put there for the folder itself
    return named


def _is_part(name: str) -> bool:
    return name.startswith("part-") and name.endswith(".parquet")


def _finish(files: Any, folder: str, out: str, num_parts: int) -> None:
    files.invalidate_cache()
    num_there = sum(map(_is_part, _held(files, folder)))
    if num_there != num_parts:
        raise TableError(
            f"{out} holds {num_there:,} of {num_parts:,} parts: other machines wrote to folders of "
            "their own; name one that all share, or a URL such as s3://bucket/lists"
        )
    files.touch(f"{folder}/{SUCCESS}")


def _of_worker(ray: Any, done: Any) -> int:
    """Return the rows of a part, or raise what its worker raised."""
    try:
        num_rows: int = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise (cause if isinstance(cause, OSError | ValueError | ImportError) else error) from error
    except ray.exceptions.RayActorError as error:
        raise ClusterError(f"a part took its worker down {MAX_RETRIES + 1} times") from error
    return num_rows
