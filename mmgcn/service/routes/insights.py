"""Routes of insights: what the page shows of a run beside its lists."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response

from mmgcn.display.curves import member_starts
from mmgcn.evaluation.baseline import popular_baseline
from mmgcn.evaluation.coverage import run_coverage
from mmgcn.service.insight_schemas import Baseline, Coverage
from mmgcn.service.problems import json_response
from mmgcn.service.routes.dependencies import Shared

router = APIRouter(prefix="/v1", tags=["insights"])


@router.get("/coverage", operation_id="get_coverage", response_model=Coverage)
def coverage(state: Shared) -> Response:
    """Return coverage and bias: of the interactions, the modalities and the lists."""
    return json_response({"run": state.live.name} | run_coverage(state.live.run).as_dict())


@router.get("/baseline", operation_id="get_baseline", response_model=Baseline)
def baseline(state: Shared) -> Response:
    """Return the validation metrics of the most popular items, and where ensemble members start."""
    live = state.live
    epochs = [row["epoch"] for row in live.facts["history"] if "epoch" in row]
    return json_response(
        {"run": live.name}
        | asdict(popular_baseline(live.run))
        | {"member_starts": member_starts(live.run.config, max(epochs, default=0))}
    )
