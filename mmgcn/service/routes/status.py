"""Routes of status: the run in service, metrics and probes."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response

from mmgcn.service import status_schemas as schemas
from mmgcn.service.problems import json_response
from mmgcn.service.routes.dependencies import Shared

router = APIRouter(tags=["status"])
probes = APIRouter(tags=["status"])  # without a token


@router.get("/v1/run", response_model=schemas.RunFacts)
def get_run(state: Shared) -> Response:
    """Return the run in service: settings, metrics and evaluation history."""
    refusal = None if state.refusal is None else asdict(state.refusal)
    return json_response(state.live.facts | {"loaded": state.live.loaded, "refused": refusal})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(state: Shared) -> Response:
    """Return metrics of the service in Prometheus's format."""
    text, media_type = state.metrics.text()
    return Response(text, media_type=media_type)


@probes.get("/healthz", response_model=schemas.Health)
async def get_health() -> Response:
    """Return 200 while the service runs."""
    return json_response({"status": "ok"})


@probes.get("/readyz", response_model=schemas.Ready)
async def get_readiness(state: Shared) -> Response:
    """Return the run in service. A missing feedback database does not make it unready."""
    store = state.feedback
    feedback = "off" if store is None else "on" if store.available else "unavailable"
    live = state.live
    facts = {"run": live.name, "loaded": live.loaded, "has_refused": state.refusal is not None}
    return json_response(facts | {"feedback": feedback})
