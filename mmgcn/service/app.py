"""The application: routes, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from mmgcn.service.problems import add_handlers
from mmgcn.service.routes import feedback, items, media, people, recommendations, status
from mmgcn.service.settings import Settings
from mmgcn.service.state import State


def create_app(settings: Settings) -> FastAPI:
    """Return the application, its run loaded.

    Raises:
        RunError, CatalogError, TableError, EventsError: what the settings name is not there, or
            not whole.
    """
    app = FastAPI(
        title="mmgcn",
        description="Recommendations that know what videos look, sound and read like.",
        version=version("mmgcn"),
        docs_url=None,  # their pages load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.service = State.load(settings)
    add_handlers(app)
    for part in (recommendations, people, items, media, feedback, status):
        app.include_router(part.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.service
    yield
    if state.feedback is not None:
        state.feedback.close()


def worker_app() -> FastAPI:
    """Return the application of a process that `mmgcn serve` started."""
    return create_app(Settings.from_environment())
