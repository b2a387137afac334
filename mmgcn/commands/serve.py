"""mmgcn serve: recommendations over HTTP."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import Flag, with_options
from extract.extras import install_command
from mmgcn.commands.output import print_message
from mmgcn.service.settings import Settings

GRACE_SECONDS = 30  # time for requests in flight after Ctrl-C
SILENT_SECONDS = 60  # before an unresponsive worker is replaced, which may start slowly
FEEDBACK = "sqlite:///feedback.db"


class ServiceError(ValueError):
    """The service cannot start; the message says why and what to do."""


def _table_of(captions: str) -> Path | None:
    """Return the table of --captions: TABLE, TABLE,speech or speech; None for the latter."""
    from extract.catalogue import caption_sources

    return caption_sources(captions)[0]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(serve)


@with_options(
    settings={
        "run": Flag(help="Run folder, or a link to one; when the link changes, it is reloaded."),
        "captions": Flag(
            help="Table with item_id, and caption or creator. Transcripts of `mmgcn extract "
            "--captions speech` are always shown.",
            metavar="TABLE",
            parse=_table_of,
        ),
        "feedback": None,
        "token": None,
        "loopback": None,
        "proxies": Flag(("--proxy",), metavar="ADDRESS"),
        "allow_origins": Flag(("--allow-origin",), metavar="ORIGIN"),
        "requests_per_second": Flag(("--rate-limit",), min=0),
        "max_body_bytes": None,
        "reload_seconds": None,
    }
)
def serve(
    settings: Settings,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(help="Bearer token that clients must send.", envvar="MMGCN_TOKEN"),
    ] = None,
    public: Annotated[
        bool,
        typer.Option("--open", help="Allow access from other machines without a token."),
    ] = False,
    feedback: Annotated[
        str, typer.Option(help="Feedback database (sqlite: or postgresql:), or off.")
    ] = FEEDBACK,
    workers: Annotated[int, typer.Option(help="Number of worker processes.", min=1)] = 1,
) -> None:
    """Serve recommendations, explanations, videos and a web page over HTTP.

    Needs the extra `serve`.
    """
    loopback = is_loopback(host)
    if not (loopback or token or public):
        raise typer.BadParameter(
            f"{host} is reachable from other machines; set --token (or MMGCN_TOKEN), or pass "
            "--open",
            param_hint="--host",
        )
    try:
        import uvicorn

        from mmgcn.data.events import EventsError, make_engine
        from mmgcn.service.app import create_app
    except ModuleNotFoundError as error:
        raise ServiceError(
            f"mmgcn serve needs {error.name}; install it with: {install_command('serve')}"
        ) from error

    try:
        settings = replace(settings, token=token, loopback=loopback)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--token") from error
    if feedback != "off":
        try:
            make_engine(feedback).dispose()
        except EventsError as error:
            raise typer.BadParameter(str(error), param_hint="--feedback") from error
        settings = replace(settings, feedback=feedback)
    rate = settings.requests_per_second
    with _shared_by_workers(settings) if workers > 1 else nullcontext():
        app = create_app(settings)  # also with several workers, so that errors are reported once
        _check_free(host, port)
        print_message(
            f"serving {app.state.service.live.name} on http://{_shown(host)}:{port}{settings.root_path}"
        )
        if workers > 1 and rate:
            print_message(
                f"each of {workers} workers allows {rate:g} requests per second and client"
            )
        uvicorn.run(
            app if workers == 1 else "mmgcn.service.app:worker_app",
            factory=workers > 1,
            host=host,
            port=port,
            workers=workers,
            http="mmgcn.service.protocol:BoundedProtocol",
            proxy_headers=False,  # the application reads them, from named proxies only
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_worker_healthcheck=SILENT_SECONDS,
        )


@contextmanager
def _shared_by_workers(settings: Settings) -> Iterator[None]:
    """Pass the settings and a folder for the workers' metrics in the environment."""
    from mmgcn.service.metrics import SHARED_FOLDER
    from mmgcn.service.settings import VARIABLE

    with tempfile.TemporaryDirectory(prefix="mmgcn-metrics-") as folder:
        settings.to_environment()
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE], os.environ[SHARED_FOLDER]


def _check_free(host: str, port: int) -> None:
    """Check that the address is free, before uvicorn reports it with a traceback."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise ServiceError(
            f"{_shown(host)}:{port} cannot be listened on: {error.strerror}; pass another --port"
        ) from error


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Return whether an address is reachable from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("::")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may resolve to any address
        return False
