"""Routes of comparison: the lists of one user in two runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mmgcn.data.ids import nearest_ids
from mmgcn.run import RunError
from mmgcn.service.insight_schemas import Comparison, Runs
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import Limit, PageCursor, PathUser, Shared
from mmgcn.service.routes.responses import PAGED, problems
from mmgcn.service.schemas import MAX_ID, MAX_K
from mmgcn.serving.comparison import ComparedItem, compared_lists
from mmgcn.serving.user_facts import user_facts

router = APIRouter(prefix="/v1", tags=["insights"])


@router.get("/runs", response_model=Runs, responses=problems(*PAGED))
def list_runs(state: Shared, cursor: PageCursor, limit: Limit = 100) -> Response:
    """Return the finished runs in the folder of the run in service, newest first."""
    summaries = state.other_runs.summaries()
    names = [run.name for run in summaries]
    position = cursor.position(state.live, state=names)
    page = summaries[position.offset : position.offset + limit]
    found = [{"run": run.name, "model": run.model, "metrics": run.metrics} for run in page]
    following = position.after(len(page), total=len(names))
    return json_response({"current": state.live.name, "runs": found, "next": following})


@router.get(
    "/compare/{user_id:path}",
    response_model=Comparison,
    responses=problems("unknown_user", "unknown_run", "damaged_run", "not_found"),
)
def compare_runs(
    state: Shared,
    user_id: PathUser,
    run: Annotated[
        str, Query(min_length=1, max_length=MAX_ID, description="Name of the other run.")
    ],
    k: Annotated[int, Query(ge=1, le=MAX_K, description="Length of the lists.")] = 20,
) -> Response:
    """Return the lists of a user in the run in service and in another one, with both ranks."""
    live = state.live
    live.run.users.index([user_id])  # an unknown user is an error of this run first
    try:
        other = state.other_runs.load(run)
    except RunError as error:
        raise Problem("damaged_run", f"the run '{run}' cannot be read; fit it again") from error
    if other is None:
        names = [summary.name for summary in state.other_runs.summaries()]
        raise Problem("unknown_run", f"there is no run '{run}'", nearest=nearest_ids(run, names))
    if int(other.users.get([user_id])[0]) < 0:
        raise Problem("unknown_user", f"there is no user '{user_id}' in the run '{run}'")
    own_list, other_list = compared_lists(live.run, other, user_id, k=k)

    def cards(items: list[ComparedItem]) -> list[dict[str, object]]:
        rows = [{"item_id": i.item_id, "score": i.score, "rank": i.rank} for i in items]
        return [
            card | {"other_rank": item.other_rank}
            for card, item in zip(live.cards.ranked(rows), items, strict=True)
        ]

    held_out = [item.item_id for item in user_facts(live.run, user_id).test]
    return json_response(
        {
            "run": live.name,
            "other": other.path.name,
            "user_id": user_id,
            "model": live.run.config.get("model"),
            "other_model": other.config.get("model"),
            "items": cards(own_list),
            "other_items": cards(other_list),
            "num_shared": len({i.item_id for i in own_list} & {i.item_id for i in other_list}),
            "held_out": held_out,
        }
    )
