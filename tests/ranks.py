"""Processes with the environment of torchrun, for tests of distributed training."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

HEAVY = ["mmgcn.training.fit", "torch._dynamo", "matplotlib.figure", "tests.worlds"]
TIMEOUT_SECONDS = 120


class Crew:
    """A pool of processes that is reused, since starting one takes seconds."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(self, size: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Run a function of a module on some ranks; return the result or exception of each."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        futures = [
            self._pool.submit(_ranked, rank, size, port, function, arguments)
            for rank in range(size)
        ]
        return [future.result(TIMEOUT_SECONDS) for future in futures]


def _ranked(rank: int, size: int, port: int, function: Callable[..., Any], arguments: Any) -> Any:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    try:
        return function(*arguments)
    except Exception as error:
        return error


@contextmanager
def crew(size: int) -> Iterator[Crew]:
    """Start a pool of that many processes; end it at exit."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    with ProcessPoolExecutor(size, mp_context=context) as pool:
        yield Crew(pool)
