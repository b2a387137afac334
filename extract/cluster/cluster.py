"""Cluster: address and resources of a Ray cluster, and the layout of actors on it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from extract.extras import install_command

CONNECT_SECONDS = 8.0
LOG_LEVELS = {"RAY_DATA_LOG_LEVEL": "ERROR", "RAY_BACKEND_LOG_LEVEL": "fatal"}
INSTALL = f"a cluster needs Ray; install it with: {install_command('scale')}"


class ClusterError(ValueError):
    """The cluster cannot be reached, or its resources do not suffice; the message has a remedy."""


@dataclass(frozen=True)
class Cluster:
    """Address of a Ray cluster, and the resources of each worker.

    A worker is an actor that runs one encoder. Decoding uses tasks on the CPUs that the workers
    leave free.
    """

    address: str | None = None
    """Address of the Ray cluster: auto, HOST:PORT or ray://HOST:PORT. By default that in
    RAY_ADDRESS, or else a local cluster is started."""
    num_cpus_per_worker: float | None = None
    """Number of CPUs that Ray reserves for each actor, possibly a fraction."""
    num_gpus_per_worker: float = 0.0
    """Number of GPUs that Ray reserves for each actor, possibly a fraction; 0 encodes on CPUs."""

    def __post_init__(self) -> None:
        for name in ("num_cpus_per_worker", "num_gpus_per_worker"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} is {value}; it cannot be less than 0")


@dataclass(frozen=True)
class Layout:
    """Number of workers of each encoder, and the resources of each worker."""

    num_workers: int
    num_cpus: float
    num_gpus: float


def layout_of(
    cluster: Cluster,
    *,
    num_encoders: int,
    workers: int | None,
    num_cpus: float,
    num_gpus: float,
) -> Layout:
    """Return a layout of workers that leaves a CPU for decoding.

    Actors that reserve every CPU would wait forever for clips that no task can decode.

    Args:
        num_encoders: number of pools of workers.
        workers: number of workers in each pool; by default as many as the CPUs, or GPUs, allow.
        num_cpus, num_gpus: totals of the cluster.

    Raises:
        ClusterError: the resources do not suffice.

    >>> layout_of(Cluster(), num_encoders=2, workers=None, num_cpus=8, num_gpus=0)
    Layout(num_workers=4, num_cpus=0.5, num_gpus=0.0)
    """
    pools = max(1, num_encoders)
    gpus_each = cluster.num_gpus_per_worker
    if workers is None and gpus_each > 0:
        workers = int(num_gpus / gpus_each) // pools
    elif workers is None:
        workers = int(num_cpus) // pools
    workers = max(1, workers)
    total = workers * pools
    if total * gpus_each > num_gpus:
        raise ClusterError(
            f"{total} workers of {gpus_each:g} GPU need {total * gpus_each:g} GPUs; the cluster "
            f"has {num_gpus:g}: pass a smaller `workers` or num_gpus_per_worker"
        )
    cpus_each = cluster.num_cpus_per_worker
    if cpus_each is None:
        spare = min(num_cpus / 2, max(0.0, num_cpus - 1))
        cpus_each = min(0.5, int(100 * spare / total) / 100)
    if total * cpus_each > num_cpus - 1:
        raise ClusterError(
            f"{total} workers of {cpus_each:g} CPU take "
            f"{'all' if total * cpus_each >= num_cpus else 'nearly all'} {num_cpus:g} CPUs of the "
            "cluster, and decoding needs a whole one: pass a smaller `workers` or "
            "num_cpus_per_worker"
        )
    return Layout(workers, cpus_each, gpus_each)


def check_installed() -> None:
    """Check that Ray is installed.

    Raises:
        ImportError: it is not installed; the message says how to install it.
    """
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise ImportError(INSTALL)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Connect to Ray, or start it, for the duration of the context; yields the module.

    A process that is already connected keeps its connection.

    Raises:
        ImportError: Ray is not installed.
        ClusterError: nothing answers at the address, or Ray does not start on this machine.
    """
    check_installed()
    for name, level in LOG_LEVELS.items():  # errors are raised anyway
        os.environ.setdefault(name, level)
    import ray

    if ray.is_initialized():
        yield ray
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    address = cluster.address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        try:
            ray.init(address="local", num_cpus=_num_cores(), include_dashboard=False, **quiet)
        except Exception as error:  # Ray has no type of its own for a start that is too slow
            ray.shutdown()
            raise ClusterError(f"Ray does not start here: {error}") from error
    else:
        _connect(address, quiet)
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(address: str, options: dict[str, Any]) -> None:
    """Connect within a few seconds, or raise: Ray itself retries for minutes."""
    import ray

    unreachable = (
        f"no Ray answers at '{address}'; start one with `ray start --head`, or omit `address` "
        "to run on this machine"
    )
    _, _, host_and_port = address.rpartition("://")
    host, colon, port = host_and_port.rpartition(":")
    if colon and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS / 2).close()
        except OSError as error:
            raise ClusterError(unreachable) from error
    problems: list[BaseException] = []

    def connect() -> None:
        try:
            ray.init(address=address, **options)
        except BaseException as error:  # noqa: BLE001  (raised by the thread that waits)
            problems.append(error)

    thread = threading.Thread(target=connect, name="connect", daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if thread.is_alive():
        raise ClusterError(unreachable)
    if problems and isinstance(problems[0], ConnectionError):
        raise ClusterError(unreachable) from problems[0]
    if problems:
        raise ClusterError(f"Ray at '{address}' refuses: {problems[0]}") from problems[0]


def _num_cores() -> int:
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))
