"""mmgcn serve: a run's answers over HTTP."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extract.extras import install_command
from mmgcn.commands.options import LATEST, RunOption
from mmgcn.commands.output import tell

if TYPE_CHECKING:
    from mmgcn.service.settings import Settings

GRACE_SECONDS = 30  # what requests in flight have to finish after Ctrl-C
SILENT_SECONDS = 60  # after which a worker that says nothing is replaced; starting may take long
FEEDBACK = "sqlite:///feedback.db"


class ServiceError(ValueError):
    """The service cannot start as told; the message says why and what to do."""


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(serve)


def serve(
    run: RunOption = LATEST,
    videos: Annotated[
        Path | None,
        typer.Option(help="A folder of videos as for extract, or a table with item_id and path."),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="A table with item_id, and caption or creator.")
    ] = None,
    posters: Annotated[
        Path | None,
        typer.Option(
            help="The folder that `extract --posters` wrote; posters that are missing are put "
            "there.",
            show_default="a cache",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port.", min=0, max=65535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(help="What clients must send as a bearer token.", envvar="MMGCN_TOKEN"),
    ] = None,
    public: Annotated[
        bool,
        typer.Option("--open", help="Listen on more than this machine without a token."),
    ] = False,
    feedback: Annotated[
        str, typer.Option(help="The database for feedback (sqlite: or postgresql:), or off.")
    ] = FEEDBACK,
    rate_limit: Annotated[
        float,
        typer.Option(help="Requests a second of one client in each worker; 0 for any.", min=0),
    ] = 100.0,
    workers: Annotated[int, typer.Option(help="Processes that answer.", min=1)] = 1,
) -> None:
    """Serve recommendations, reasons, videos and a page to look at them.

    A new run that --run leads to is taken up without a restart. Needs the extra `serve`.
    """
    alone = is_loopback(host)
    if not (alone or token or public):
        raise ServiceError(
            f"{host} is reached from other machines; set --token (or MMGCN_TOKEN), or say --open"
        )
    try:
        import uvicorn

        from mmgcn.service.app import create_app
        from mmgcn.service.settings import Settings
    except ModuleNotFoundError as error:
        raise ServiceError(
            f"mmgcn serve needs {error.name}; install it with: {install_command('serve')}"
        ) from error

    settings = Settings(
        run=run,
        videos=videos,
        captions=captions,
        posters=posters,
        feedback=None if feedback == "off" else feedback,
        token=token,
        loopback=alone,
        requests_per_second=rate_limit,
    )
    with _workers_share(settings) if workers > 1 else nullcontext():
        app = create_app(settings)  # with several workers, to tell here what is wrong, and once
        _check_free(host, port)
        tell(f"serving {app.state.service.live.name} on http://{_shown(host)}:{port}")
        if workers > 1 and rate_limit:
            tell(f"each of {workers} workers lets one client ask {rate_limit:g} times a second")
        uvicorn.run(
            app if workers == 1 else "mmgcn.service.app:worker_app",
            factory=workers > 1,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_worker_healthcheck=SILENT_SECONDS,
        )


@contextmanager
def _workers_share(settings: Settings) -> Iterator[None]:
    """Leave the settings, and a folder in which figures add up, where workers find them."""
    from mmgcn.service.metrics import SHARED_FOLDER
    from mmgcn.service.settings import VARIABLE

    with tempfile.TemporaryDirectory(prefix="mmgcn-figures-") as folder:
        settings.to_environment()
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE], os.environ[SHARED_FOLDER]


def _check_free(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on while that can still be told in one line."""
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
    """Return whether an address is reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("::")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name; who knows where it leads
        return False
