"""Routes of insights: what the page shows of a run in addition to its lists."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Response
from pydantic import StringConstraints

from mmgcn.display.curves import member_starts
from mmgcn.evaluation.baseline import popular_baseline
from mmgcn.evaluation.coverage import run_coverage
from mmgcn.run import RunError
from mmgcn.service.insight_schemas import Baseline, Coverage, Reloads, UserFacts, WeightedList
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import PageCursor, PathUser, Shared, deeper, ranking_query
from mmgcn.service.routes.responses import PAGED, problems
from mmgcn.service.state import State
from mmgcn.serving.item_map import load_map
from mmgcn.serving.ranking_options import RankingOptions
from mmgcn.serving.user_facts import user_facts
from mmgcn.serving.weighting import WeightError, parse_weights, weighted_list

router = APIRouter(prefix="/v1", tags=["insights"])
NUM_FAVOURITES = 3
MAX_WEIGHTS = 20
WEIGHT_PATTERN = r"^[^\x00-\x1f\x7f]+:(10|[0-9](\.[0-9]{1,6})?)$"  # visual:0.5; from 0 to 10


@router.get("/coverage", response_model=Coverage)
def get_coverage(state: Shared) -> Response:
    """Return coverage and bias of the interactions, the modalities and the lists."""
    return json_response({"run": state.live.name} | run_coverage(state.live.run).as_dict())


@router.get("/baseline", response_model=Baseline)
def get_baseline(state: Shared) -> Response:
    """Return the validation metrics of the most popular items, and where ensemble members start."""
    live = state.live
    epochs = [row["epoch"] for row in live.facts["history"] if "epoch" in row]
    return json_response(
        {"run": live.name}
        | asdict(popular_baseline(live.run))
        | {"member_starts": member_starts(live.run.config, max(epochs, default=0))}
    )


@router.get(
    "/facts/{user_id:path}",
    response_model=UserFacts,
    responses=problems("unknown_user", "not_found"),
)
def get_user_facts(state: Shared, user_id: PathUser) -> Response:
    """Return facts about a user: the number watched, test items with ranks, favourite clusters."""
    live = state.live
    found = user_facts(live.run, user_id)
    test = [asdict(item) | live.cards.card(item.item_id) for item in found.test]
    values = {"run": live.name} | asdict(found)
    return json_response(values | {"test": test, "favourites": _favourites(state, user_id)})


@router.get(
    "/weighted/{user_id:path}",
    response_model=WeightedList,
    responses=problems("unknown_user", "unknown_channel", "not_found", *PAGED),
)
def recommend_weighted(
    state: Shared,
    user_id: PathUser,
    cursor: PageCursor,
    options: Annotated[RankingOptions, Depends(ranking_query("k", "filter_seen"))],
    weight: Annotated[
        list[Annotated[str, StringConstraints(max_length=200, pattern=WEIGHT_PATTERN)]],
        Query(max_length=MAX_WEIGHTS, description="Weight of a channel, such as visual:0.5."),
    ] = [],  # noqa: B006  (FastAPI copies it)
) -> Response:
    """Return the best items for a user by a weighted sum of the channels; 1 for those not named."""
    live = state.live
    position = cursor.position(live)
    try:
        weights = parse_weights(weight)
        items = weighted_list(
            live.run,
            user_id,
            weights,
            k=deeper(options, position).k,
            filter_seen=options.filter_seen,
        )
    except WeightError as error:
        raise Problem(
            "unknown_channel", str(error), nearest=list(live.run.parts), field="weight"
        ) from error
    page = items[position.offset : position.offset + options.k]
    body = {
        "run": live.name,
        "user_id": user_id,
        "weights": dict.fromkeys(live.run.parts, 1.0) | weights,
        "items": [asdict(item) | live.cards.card(item.item_id) for item in page],
        "next": position.after(len(page), total=len(items)),
    }
    return json_response(body)


@router.get("/reloads", response_model=Reloads)
def list_reloads(state: Shared) -> Response:
    """Return the attempts of this process to load a new run, and why runs were refused."""
    log = state.reload_log
    return json_response(
        {"run": state.live.name, "since": log.since, "reloads": [asdict(e) for e in log.latest()]}
    )


def _favourites(state: State, user_id: str) -> list[dict[str, Any]] | None:
    """Return the clusters with most of a user's history; None before the map is computed."""
    live = state.live
    run = live.run
    try:
        found = load_map(run)
    except RunError:  # the map view shows the error
        return None
    if found is None:
        return None
    cluster = np.full(len(run.items), -1, dtype=np.int64)
    cluster[found.item_index] = found.cluster
    watched = run.items.index(live.recommender.history(user_id))
    watched = watched[cluster[watched] >= 0]
    counts = np.bincount(cluster[watched])
    favourites = []
    for name in np.argsort(-counts, kind="stable")[:NUM_FAVOURITES].tolist():
        if counts[name] == 0:
            break
        own = watched[cluster[watched] == name]
        item = run.items.id(int(own[np.argmax(np.asarray(run.popularity)[own])]))
        favourites.append(
            {
                "cluster": name,
                "num_watched": int(counts[name]),
                "num_items": int((cluster == name).sum()),
                "card": live.cards.card(item),
            }
        )
    return favourites
