"""Time the service beside an empty handler.

    python -m benchmarks.serve [RUN] [--seconds 5] [--parallel 50] [--workers 1]

RUN is a run folder (such as demo/runs/latest of `mmgcn demo`). The clients are in this process, and
each sends its next request when the last is answered, on a persistent connection. The server is a
process of its own, so two cores are enough. The empty handler is an ASGI application that sends two
bytes, under the same server with the same options: the cost of HTTP itself.

In addition to wall-clock times, the processor time of the server per request is printed: on a busy
machine only that is reliable. With several workers it is that of their parent.

Requests are lists of ten for 200 users in turn:
1. cached: each list was computed once for this run.
2. computed: with a query that differs each time, so that none is cached.
3. while a new run is loaded every second: no request may fail, and each run must be seen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np

from mmgcn.run import Run
from mmgcn.run_writing import move_latest

NOTHING = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning", lifespan="off")
"""
NUM_USERS = 200
NUM_RUNS = 4


@dataclass
class Load:
    """What came of asking for some seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    bodies: set[bytes] = field(default_factory=set)

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, q: float) -> float:
        """Milliseconds within which so many percent were answered."""
        return float(np.percentile(self.latencies, q)) * 1000


async def ask(
    port: int, paths: Callable[[], str], parallel: int, seconds: float, *, keep: int = 0
) -> Load:
    """Ask from so many clients at once; of each answer, `keep` bytes of its body are gathered."""
    load, end = Load(seconds), time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            started = time.perf_counter()
            writer.write(f"GET {paths()} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
                load.failures.append(repr(error))
                return
            load.latencies.append(time.perf_counter() - started)
            if not head.startswith(b"HTTP/1.1 200"):
                load.failures.append(head.decode().splitlines()[0])
            if keep:
                load.bodies.add(body[:keep])
        writer.close()

    await asyncio.gather(*(client() for _ in range(parallel)))
    return load


@contextmanager
def server(*words: str) -> Iterator[tuple[int, int]]:
    """Start a server whose last argument is the port; yields port and process once it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, *words, str(port)])
    try:
        while True:
            assert process.poll() is None, "the server did not start"
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(process: int) -> float:
    """What a process has taken of its core so far (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    at: tuple[int, int], paths: Callable[[], str], arguments: argparse.Namespace, name: str
) -> Load:
    port, process = at
    before = cpu_seconds(process)
    load = asyncio.run(ask(port, paths, arguments.parallel, arguments.seconds))
    assert not load.failures, load.failures[:3]
    spent = (cpu_seconds(process) - before) / len(load.latencies)
    print(
        f"{name:28} {load.per_second:8,.0f} requests/s   p50 {load.percentile(50):6.1f} ms"
        f"   p99 {load.percentile(99):6.1f} ms   {spent * 1e6:5.0f} us of CPU each",
        flush=True,
    )
    return load


async def while_runs_change(
    port: int, paths: Callable[[], str], parallel: int, runs: list[Path]
) -> tuple[Load, set[str]]:
    async def change() -> None:
        for run in runs:
            await asyncio.sleep(2)
            move_latest(run)

    requests = ask(port, paths, parallel, 2.0 * (len(runs) + 1), keep=200)
    load, _ = await asyncio.gather(requests, change())
    names = {str(json.loads(body.split(b",")[0] + b"}")["run"]) for body in load.bodies}
    return load, names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", default=Path("demo/runs/latest"))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--parallel", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    users = [quote(user, safe="") for user in Run.load(arguments.run).users.ids.head(NUM_USERS)]
    turn = count()

    def cached() -> str:
        return f"/v1/recommend/{users[next(turn) % len(users)]}?k=10"

    def computed() -> str:
        number = next(turn)
        return f"/v1/recommend/{users[number % len(users)]}?k=10&again={number}"

    with TemporaryDirectory(prefix="mmgcn-serve-") as folder:
        runs = [Path(folder) / f"run-{number}" for number in range(NUM_RUNS)]
        for run in runs:
            shutil.copytree(arguments.run.resolve(), run)
        move_latest(runs[0])
        options = ["-m", "mmgcn", "serve", "--run", f"{folder}/latest", "--feedback", "off"]
        options += ["--rate-limit", "0", "--workers", str(arguments.workers), "--port"]
        with server("-c", NOTHING) as at:
            nothing = measure(at, cached, arguments, "a handler that does nothing")
        with server(*options) as at:
            for user in users:  # each once, so that all are cached
                urlopen(f"http://127.0.0.1:{at[0]}/v1/recommend/{user}?k=10").close()
            for name, paths in (("cached", cached), ("computed", computed)):
                load = measure(at, paths, arguments, name)
                print(
                    f"{'':28} {load.per_second / nothing.per_second:8.2f} of its requests/s, "
                    f"{load.percentile(99) / nothing.percentile(99):.2f} times its p99"
                )
            load, names = asyncio.run(
                while_runs_change(at[0], cached, arguments.parallel, runs[1:])
            )
            print(
                f"{'while runs change':28} {load.per_second:8,.0f} requests/s   "
                f"{len(load.latencies):,} answers of {len(names)} runs, "
                f"{len(load.failures)} failed, p99 {load.percentile(99):.1f} ms"
            )
            assert not load.failures, load.failures[:3]
            assert len(names) == NUM_RUNS, names


if __name__ == "__main__":
    main()
