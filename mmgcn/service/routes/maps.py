"""Routes of maps: a run's items in two dimensions."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response

from mmgcn.run import RunError
from mmgcn.service.insight_schemas import ItemMap, MapPending
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import Shared
from mmgcn.service.routes.responses import Responses, problems
from mmgcn.serving.item_map import load_map, map_channels

router = APIRouter(prefix="/v1", tags=["insights"])
RETRY_SECONDS = 2
COMPUTING: Responses = {
    202: {"model": MapPending, "description": "The map is being computed; retry after Retry-After."}
}


@router.get(
    "/map", response_model=ItemMap, responses={**COMPUTING, **problems("unknown_channel", "no_map")}
)
def get_map(
    state: Shared,
    channel: Annotated[
        str | None, Query(max_length=100, description="Map only by this channel.")
    ] = None,
) -> Response:
    """Return the position and the cluster of each item.

    The first request starts the computation; until it ends, the status is 202.
    """
    live = state.live
    channels = map_channels(live.run)
    if channel not in channels:
        known = [name for name in channels if name]
        raise Problem(
            "unknown_channel", f"there is no map by '{channel}' of this run", nearest=known
        )
    try:
        found = load_map(live.run, channel)
    except RunError as error:
        raise Problem(
            "no_map", "the stored map is corrupt; remove the folder map of the run"
        ) from error
    if found is None:
        reason = state.map_process.start(live.run.path)
        if reason:
            raise Problem("no_map", f"there is no map: {reason}")
        pending = json_response({"run": live.name, "status": "computing"}, 202)
        pending.headers["retry-after"] = str(RETRY_SECONDS)
        return pending
    ids = live.run.items.ids.gather(found.item_index).to_list()
    return json_response(
        {
            "run": live.name,
            "channel": channel,
            "channels": [name for name in channels if name],
            "num_items": len(live.run.items),
            "items": ids,
            "x": np.round(found.xy[:, 0].astype(float), 4).tolist(),
            "y": np.round(found.xy[:, 1].astype(float), 4).tolist(),
            "cluster": found.cluster.tolist(),
            "popularity": np.asarray(live.run.popularity)[found.item_index].tolist(),
        }
    )
