"""The application: routes, and what stands before them."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from mmgcn.service.problems import add_handlers
from mmgcn.service.routes import items, media, people, recommendations, status
from mmgcn.service.settings import Settings
from mmgcn.service.state import State


def create_app(settings: Settings) -> FastAPI:
    """Return the application, its run loaded.

    Raises:
        RunError, CatalogError, TableError: what the settings name is not there or not whole.
    """
    app = FastAPI(
        title="mmgcn",
        description="Recommendations that know what videos look, sound and read like.",
        version=version("mmgcn"),
        docs_url=None,  # their pages load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = State.load(settings)
    add_handlers(app)
    for part in (recommendations, people, items, media, status):
        app.include_router(part.router)
    return app


def worker_app() -> FastAPI:
    """Return the application of a process that `mmgcn serve` started."""
    return create_app(Settings.from_environment())
