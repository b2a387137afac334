"""How the service is, and which run it shows."""

from __future__ import annotations

from fastapi import APIRouter, Response

from mmgcn.service import schemas
from mmgcn.service.problems import answer
from mmgcn.service.routes.dependencies import PROBLEMS, Shared

router = APIRouter(tags=["status"])
probes = APIRouter(tags=["status"])  # which need no token


@router.get("/v1/run", response_model=schemas.RunFacts, responses=PROBLEMS)
def run(state: Shared) -> Response:
    """Return what there is to say of the run: its settings, figures and curves."""
    return answer(state.live.facts)


@router.get(
    "/metrics",
    response_class=Response,
    responses={**PROBLEMS, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(state: Shared) -> Response:
    """Return the figures that Prometheus reads."""
    text, media_type = state.metrics.text()
    return Response(text, media_type=media_type)


@probes.get("/healthz", response_model=schemas.Health)
async def health() -> Response:
    """Say that the service runs."""
    return answer({"status": "ok"})


@probes.get("/readyz", response_model=schemas.Ready)
async def ready(state: Shared) -> Response:
    """Say which run answers. Recommendations do not need the database, so neither does this."""
    store = state.feedback
    feedback = "off" if store is None else "on" if store.available else "unavailable"
    return answer({"run": state.live.name, "feedback": feedback})
