"""Metrics of the service for Prometheus, at /metrics."""

from __future__ import annotations

import os
import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmgcn.service.middleware import HttpMiddleware

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the library adds up several workers
ROUTES = frozenset(
    (
        *("recommend", "similar", "history", "explain", "users", "items"),
        *("feedback", "run", "videos", "posters"),
        *("coverage", "baseline", "facts", "weighted", "runs", "compare", "map", "reloads"),
    )
)
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counters of one process; with several workers, /metrics sums them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "mmgcn_requests", "Requests.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "mmgcn_request_seconds",
            "Seconds from a request to the end of its response.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.cache_hits = Counter(
            "mmgcn_cache_hits", "Responses sent from the cache.", registry=self._registry
        )
        self.reloads = Counter(
            "mmgcn_reloads", "Attempts to load a new run.", ["outcome"], registry=self._registry
        )
        self.events = Counter(
            "mmgcn_feedback_events", "Feedback events stored.", ["event"], registry=self._registry
        )

    def text(self) -> tuple[bytes, str]:
        """Return the metrics in Prometheus's text format, and its media type."""
        registry = self._registry
        if os.environ.get(SHARED_FOLDER):
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST


class MetricsMiddleware(HttpMiddleware):
    """Counts and times every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        super().__init__(app)
        self._metrics = metrics

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record its route, status and duration."""
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = route_of(scope["path"])
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)


def route_of(path: str) -> str:
    """Return the route of a path, from a fixed set: clients cannot create new label values.

    >>> route_of("/v1/recommend/42"), route_of("/v1/zzz"), route_of("/healthz")
    ('recommend', 'other', 'other')
    """
    name = path.split("/", 3)[2] if path.startswith("/v1/") else ""
    return name if name in ROUTES else "other"
