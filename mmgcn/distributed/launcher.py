"""Launcher: starts and supervises the processes of a training on this machine, as torchrun does."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from mmgcn.distributed.process_group import LostRank, RankError

GRACE_SECONDS = 120  # time to write a checkpoint after an interruption
INTERRUPTED = 130  # exit code of a process that was interrupted and has written a checkpoint


def launch(function: Callable[..., Any], options: Mapping[str, Any], num_workers: int) -> Any:
    """Run a function on several processes and return the result of the main one.

    Args:
        function: function of a module, so that a new process can import it. An error in it ends
            all processes.
        options: arguments of the function, by name.
        num_workers: number of processes.

    Raises:
        RankError: a process failed or was killed; the others were ended.
        KeyboardInterrupt: the training was interrupted, and wrote a checkpoint.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    os.environ.setdefault("OMP_NUM_THREADS", str(max((cores or 1) // num_workers, 1)))
    # The host name of this machine may not resolve to an address of it.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("torch.distributed.elastic", "torch.multiprocessing")):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # reported below
    with tempfile.TemporaryDirectory(prefix="mmgcn-ranks-") as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=num_workers,
            run_id="mmgcn",
            rdzv_backend="c10d",
            rdzv_endpoint="127.0.0.1:0",
            local_addr="127.0.0.1",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
            shutdown_timeout=GRACE_SECONDS,
        )
        try:
            results = elastic_launch(config, _run)(function, dict(options))
        except SignalException as error:
            raise KeyboardInterrupt from error
        except ChildFailedError as error:
            if any(f.exitcode == INTERRUPTED for f in error.failures.values()):
                raise KeyboardInterrupt from error
            raise RankError(_reason(error.failures)) from None
    return results[0]


def _run(function: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    try:
        return function(**options)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _reason(failures: Mapping[int, ProcessFailure]) -> str:
    """Return the reason of the first failure, which may have caused the others."""

    def order(rank: int) -> tuple[bool, int, int]:
        is_consequence = (_message(failures[rank]) or "").startswith(f"{LostRank.__name__}:")
        return is_consequence, failures[rank].timestamp, rank

    rank = min(failures, key=order)
    failure, error = failures[rank], _message(failures[rank])
    if error is not None:
        message = error.partition(": ")[2]
        return message if rank == 0 else f"rank {rank}: {message}"
    if failure.exitcode < 0:
        how = f"was killed by {signal.Signals(-failure.exitcode).name}"
    else:
        how = f"ended with exit code {failure.exitcode}"
    return f"rank {rank} {how}; `mmgcn fit --resume` continues from the last checkpoint"


def _message(failure: ProcessFailure) -> str | None:
    """Return `Type: message` of a process's error, if it was recorded."""
    message: Any = failure.message
    return str(message["message"]) if isinstance(message, dict) else None
