"""Databases for tests: SQLite, and a Postgres if one can be started."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services import skip_without


@contextmanager
def postgres_url():
    """Start an empty Postgres and return its URL; without one, skip or fail by the flag.

    Postgres refuses to run as root; the other user has no access to pytest's folders.
    """
    with tempfile.TemporaryDirectory(prefix="mmgcn-postgres-") as folder:
        Path(folder).chmod(0o755)
        yield from _url(Path(folder))


def _url(folder: Path):
    runtime = folder / "runtime"  # pgserver looks here, and warns without it
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    try:
        import pgserver
    except ImportError:
        pgserver = None
    if pgserver is not None:
        server = pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    elif (tools := _debian_tools()) is not None:
        with _debian(tools, folder) as url:
            yield url
    else:
        skip_without("no Postgres: pip install pgserver, or apt install postgresql")


def _debian_tools():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def postgres_tool(name: str) -> str:
    """Return the path of a program of Postgres; skip without it."""
    try:
        import pgserver

        found = Path(pgserver.__file__).parent / "pginstall" / "bin" / name
    except ImportError:
        tools = _debian_tools()
        found = Path(name) if tools is None else tools / name
    if not found.is_file():
        pytest.skip(f"no {name} here")
    return str(found)


@contextmanager
def _debian(tools: Path, folder: Path):
    """A server on loopback; initdb refuses to run as root, so root runs it as the user postgres."""
    data, user = folder / "data", []
    if sys.platform != "win32" and os.geteuid() == 0:
        user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*words):
        subprocess.run([*user, *map(str, words)], check=True, capture_output=True, cwd="/")

    run(tools / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run(tools / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        run(tools / "pg_ctl", "-D", data, "-m", "immediate", "stop")
