"""The ASGI application: routes and middleware."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI, Security
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from mmgcn.display.styles import STYLES
from mmgcn.service.addresses import METHODS, HeadAndOptions, OneHost, RootPath
from mmgcn.service.cache import CacheMiddleware
from mmgcn.service.limits import BodyLimit, RateLimit
from mmgcn.service.metrics import MetricsMiddleware
from mmgcn.service.openapi import describe
from mmgcn.service.problems import add_handlers
from mmgcn.service.reload import Reloader
from mmgcn.service.routes import (
    comparison,
    explanations,
    feedback,
    insights,
    items,
    maps,
    media,
    recommendations,
    status,
    users,
)
from mmgcn.service.routes.dependencies import refuse_unknown_parameters
from mmgcn.service.routes.responses import EVERYWHERE
from mmgcn.service.security import DOCS_HEADERS, LoopbackHost, StrictHeaders, TokenRequired
from mmgcn.service.settings import Settings
from mmgcn.service.state import State

STATIC = Path(__file__).parent / "static"
SWAGGER_UI = "fastapi_offline", "static"  # package and folder of its files


def create_app(settings: Settings) -> FastAPI:
    """Return the application with its run loaded.

    Raises:
        RunError, CatalogueError, TableError, EventsError, NotADirectoryError: a part of the
            settings does not exist or is incomplete.
    """
    app = FastAPI(
        title="mmgcn",
        description="Recommendations for micro-videos from what they show, sound like and say.",
        version=version("mmgcn"),
        docs_url=None,  # FastAPI's pages load scripts from other hosts; `_docs` does not
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        lifespan=_lifespan,
    )
    state = State.load(settings)
    app.state.service = state
    add_handlers(app)
    # For the OpenAPI document; TokenRequired does the check.
    security = [Security(HTTPBearer(auto_error=False))] if settings.token else []
    strict = [Depends(refuse_unknown_parameters)]
    for part in (
        recommendations,
        explanations,
        users,
        items,
        media,
        feedback,
        insights,
        comparison,
        maps,
        status,
    ):
        app.include_router(part.router, dependencies=[*strict, *security], responses=EVERYWHERE)
    app.include_router(status.probes, dependencies=strict)
    describe(app)
    if STATIC.is_dir():
        app.add_api_route("/static/styles.css", _styles, include_in_schema=False)
        app.mount("/static/docs", StaticFiles(packages=[SWAGGER_UI]))
        app.mount("/static", StaticFiles(directory=STATIC))
        app.add_api_route("/docs", _docs, include_in_schema=False)
        app.add_api_route("/", _page, include_in_schema=False)
    # The middleware that is added last is called first.
    app.add_middleware(CacheMiddleware, state=state)
    app.add_middleware(HeadAndOptions, routes=app.routes)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if settings.token:
        app.add_middleware(TokenRequired, token=settings.token, root_path=settings.root_path)
    elif settings.loopback:
        app.add_middleware(LoopbackHost)
    if settings.requests_per_second:  # before the token check, against guessing
        app.add_middleware(RateLimit, per_second=settings.requests_per_second)
    app.add_middleware(OneHost)
    if settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allow_origins,
            allow_methods=METHODS,
            allow_headers=("authorization", "content-type"),
            expose_headers=("retry-after",),
        )
    app.add_middleware(StrictHeaders)
    app.add_middleware(MetricsMiddleware, metrics=state.metrics)
    if settings.root_path:
        app.add_middleware(RootPath, prefix=settings.root_path)
    if settings.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
    return app


def worker_app() -> FastAPI:
    """Return the application of a worker process of `mmgcn serve`."""
    return create_app(Settings.from_environment())


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.service
    gc.collect()
    gc.freeze()  # what is loaded is never freed: exclude it from later garbage collections
    every = state.settings.reload_seconds
    reloading = asyncio.create_task(Reloader(state).watch(every)) if every else None
    yield
    if reloading is not None:
        reloading.cancel()
    state.map_process.stop()
    state.posters.stop()
    if state.feedback is not None:
        state.feedback.close()


def _styles() -> FileResponse:
    return FileResponse(STYLES)


def _page() -> FileResponse:
    return FileResponse(STATIC / "index.html")


def _docs() -> FileResponse:
    return FileResponse(STATIC / "docs.html", headers=DOCS_HEADERS)
