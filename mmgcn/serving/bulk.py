"""Bulk: the lists of all users of a run, computed by Ray and written as Parquet parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from extract.cluster import Cluster, ClusterError, connected
from extract.extras import require
from mmgcn.data.ids import IdMap
from mmgcn.evaluation.ranking import block_users
from mmgcn.run import Csr, Run
from mmgcn.serving.ranking_options import RankingOptions
from mmgcn.serving.recommender import DEFAULTS, Recommender
from mmgcn.serving.table_file import TableError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PART_USERS = 50_000  # approximate users per part: lists of 10 are some megabytes
QUEUED = 2  # parts per worker, so that no worker is idle between parts
MAX_RETRIES = 3  # for a part whose worker died
SUCCESS = "_SUCCESS"
MASKS = ("seen", "valid")


def write_lists(
    recommender: Recommender,
    out: str,
    options: RankingOptions = DEFAULTS,
    *,
    cluster: Cluster,
    workers: int | None = None,
    with_parts: bool = False,
    part_users: int = PART_USERS,
) -> Iterator[int]:
    """Write the lists of all users to `out/part-00000.parquet` ...; yield the rows of each part.

    The parts, in the order of their names, contain the rows of `Recommender.blocks`. Each worker
    receives the items once, and users block by block from this process's memory map. An empty file
    `_SUCCESS` is written after the last part; it and the parts of an earlier call are removed
    first. A part whose worker died is computed again.

    Args:
        out: folder: a path that all machines share, or a URL such as s3://bucket/lists.
        cluster: Ray cluster to use.
        workers: number of workers; by default one per CPU.
        with_parts: whether to add the contribution of each channel, as `Recommender.with_parts`.
        part_users: users per part, rounded to full blocks.

    Yields:
        Number of rows of each part, in the order of completion.

    Raises:
        ClusterError: the cluster does not answer, or has too few resources for the workers.
        ImportError: Ray, or a package for the URL, is not installed.
        TableError: the folder contains other files, or parts are missing at the end.
        ValueError, UnknownIds: options that cannot be used with this run.
    """
    recommender.blocks(None, options)  # refuse bad options before Ray is started
    files, folder = _prepared(out)
    run = recommender.run
    size = block_users(len(run.items))  # as in one process: rounding depends on a product's shape
    size *= max(1, round(part_users / size))
    with connected(cluster) as ray:
        num_workers, resources = _layout(ray, cluster, workers, -(-len(run.users) // size))
        needs_parts = with_parts or bool(options.diversity)
        shared = ray.put(_Shared.of(run, options, with_parts=with_parts, needs_parts=needs_parts))
        actor = ray.remote(_Ranker).options(
            max_restarts=MAX_RETRIES, max_task_retries=MAX_RETRIES, **resources
        )
        free = [actor.remote(shared) for _ in range(num_workers)] * QUEUED
        running: dict[object, Any] = {}
        starts = iter(range(0, len(run.users), size))
        part_index = count()
        num_parts = 0
        while True:
            while free and (start := next(starts, None)) is not None:
                ranker = free.pop()
                path = f"{folder}/part-{next(part_index):05}.parquet"
                running[ranker.rank.remote(_Users.of(run, start, size), out, path)] = ranker
                num_parts += 1
            if not running:
                break
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            free.append(running.pop(done))
            yield _num_rows(ray, done)
    _finish(files, folder, out, num_parts)


@dataclass(frozen=True)
class _Shared:
    """Data of all workers: the items and the options."""

    config: Mapping[str, Any]
    item_ids: pl.Series
    item: np.ndarray
    parts: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray]
    options: RankingOptions
    with_parts: bool

    @classmethod
    def of(
        cls, run: Run, options: RankingOptions, *, with_parts: bool, needs_parts: bool
    ) -> _Shared:
        parts = {name: np.asarray(part) for name, part in run.parts.items()} if needs_parts else {}
        present = {name: np.asarray(mask) for name, mask in run.present.items()}
        item = np.asarray(run.item)
        return cls(run.config, run.items.ids, item, parts, present, options, with_parts)


@dataclass(frozen=True)
class _Users:
    """Data of a block of users. Shapes: user: (B, d)."""

    ids: pl.Series
    user: np.ndarray
    masks: Mapping[str, Csr]

    @classmethod
    def of(cls, run: Run, start: int, size: int) -> _Users:
        stop = min(start + size, len(run.users))
        masks = {}
        for name in (*MASKS, *run.never_listed):
            indptr, indices = run.csr(name)
            ends = np.array(indptr[start : stop + 1])
            masks[name] = ends - ends[0], np.array(indices[ends[0] : ends[-1]])
        return cls(run.users.ids[start:stop], np.array(run.user[start:stop]), masks)


class _PartOfRun(Run):
    """A run with some of its users, in memory."""

    def __init__(self, shared: _Shared, items: IdMap, users: _Users) -> None:
        self.config = {**shared.config, "num_users": len(users.ids)}
        self.items, self.item, self.parts = items, shared.item, dict(shared.parts)
        self.present = dict(shared.present)
        self.users, self.user = IdMap(users.ids, kind="user"), users.user
        self._masks = users.masks

    def csr(self, part: str) -> Csr:
        return self._masks[part]


class _Ranker:
    """Worker: ranks for a block of users and writes its part."""

    def __init__(self, shared: _Shared) -> None:
        self._shared, self._items = shared, IdMap(shared.item_ids, kind="item")

    def rank(self, users: _Users, out: str, path: str) -> int:
        """Write a part and return its number of rows."""
        import fsspec

        recommender = Recommender(_PartOfRun(self._shared, self._items, users))
        blocks = recommender.blocks(None, self._shared.options)
        if self._shared.with_parts:
            blocks = map(recommender.with_parts, blocks)
        table = pl.concat(list(blocks))
        files, _ = fsspec.url_to_fs(out)
        with files.open(path, "wb") as file:
            table.write_parquet(file)
        return table.height


def _layout(
    ray: ModuleType, cluster: Cluster, workers: int | None, num_parts: int
) -> tuple[int, dict[str, Any]]:
    """Return the number of workers, and the resources of each."""
    resources = ray.cluster_resources()
    num_cpus, gpus_per_worker = resources.get("CPU", 0.0), cluster.num_gpus_per_worker
    given_cpus = cluster.num_cpus_per_worker
    cpus_per_worker = 1.0 if given_cpus is None else given_cpus
    most = int(num_cpus / cpus_per_worker) if cpus_per_worker else int(num_cpus)
    chosen = min(max(1, most), num_parts) if workers is None else workers
    for kind, needed, available in (
        ("CPU", chosen * cpus_per_worker, num_cpus),
        ("GPU", chosen * gpus_per_worker, resources.get("GPU", 0.0)),
    ):
        if needed > available:
            raise ClusterError(
                f"{chosen} workers need {needed:g} {kind}s; the cluster has {available:g}: pass a "
                "smaller number of `workers`"
            )
    return chosen, {"num_cpus": cpus_per_worker, "num_gpus": gpus_per_worker}


def _prepared(out: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system and the path of the folder on it, without earlier parts."""
    require("fsspec", purpose="writing to a folder of lists", extra="scale")
    import fsspec

    files, folder = fsspec.url_to_fs(out)
    if "memory" in files.protocol:
        raise TableError(f"{out} is in one process's memory, where its workers cannot write")
    files.makedirs(folder, exist_ok=True)
    paths = _paths(files, folder)
    others = [name for name in paths if name != SUCCESS and not _is_part(name)]
    if others:
        raise TableError(
            f"{out} contains other files, such as {others[0]}; use a folder for the lists only"
        )
    for name in sorted(paths):  # _SUCCESS first: it marks complete parts
        files.rm(paths[name])
    return files, folder


def _paths(files: AbstractFileSystem, folder: str) -> dict[str, str]:
    """Return the paths in a folder by name; empty if it does not exist, as in an object store."""
    try:
        paths = files.ls(folder, detail=False)
    except FileNotFoundError:
        return {}
    named = {path.rpartition("/")[2]: path for path in paths}
    named.pop("", None)  # placeholder of the folder, which some consoles create
    return named


def _is_part(name: str) -> bool:
    return name.startswith("part-") and name.endswith(".parquet")


def _finish(files: AbstractFileSystem, folder: str, out: str, num_parts: int) -> None:
    files.invalidate_cache()
    num_found = sum(map(_is_part, _paths(files, folder)))
    if num_found != num_parts:
        raise TableError(
            f"{out} contains {num_found:,} of {num_parts:,} parts: other machines wrote to local "
            "folders; use a folder that all machines share, or a URL such as s3://bucket/lists"
        )
    files.touch(f"{folder}/{SUCCESS}")


def _num_rows(ray: ModuleType, done: object) -> int:
    """Return the number of rows of a part, or raise the error of its worker."""
    try:
        num_rows: int = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise (cause if isinstance(cause, OSError | ValueError | ImportError) else error) from error
    except ray.exceptions.RayActorError as error:
        raise ClusterError(f"a part crashed its worker {MAX_RETRIES + 1} times") from error
    return num_rows
