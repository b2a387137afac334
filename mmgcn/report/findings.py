"""Findings: anomalies of a data set, each with a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmgcn.data.content import Content

UNEVEN = 0.6  # minimum share of the interactions of a tenth of the items to be noted


def findings(found: Mapping[str, Any], contents: Mapping[str, Content]) -> list[tuple[str, str]]:
    """Return the anomalies, each with a remedy.

    Args:
        found: result of `mmgcn inspect --json`: features, interactions and matching.
        contents: similarity of the items' content, by modality.
    """
    rows = _of_features(found["features"], contents)
    if found["interactions"] is not None:
        rows += _of_interactions(found["interactions"])
    if found["matching"] is not None:
        rows += _of_matching(found["matching"])
    return rows


def _of_features(
    features: Mapping[str, Any], contents: Mapping[str, Content]
) -> list[tuple[str, str]]:
    rows = []
    for name, each in features.items():
        for reason in each["reasons"]:
            remedy = "the model masks them"
            if reason["status"] == "failed":
                remedy = "repair the files, then: mmgcn extract --retry-failed"
            rows.append((f"{name}: {_some(reason)} {reason['status']}: {reason['reason']}", remedy))
        if each["zero_rows"] and each["zero_rows"]["count"]:
            rows.append(
                (f"{name}: {_some(each['zero_rows'])} have vectors of zeros", "extract them again")
            )
    for name, content in contents.items():
        num_items = sum(map(len, content.duplicates))
        num_groups = len(content.duplicates)
        if num_groups:
            rows.append(
                (
                    f"{name}: {num_items:,} items have the same content as another item, in "
                    f"{num_groups:,} group{'' if num_groups == 1 else 's'}",
                    "if these are copies of one video, give them one id: their interactions are "
                    "divided among the copies, and a list may contain several",
                )
            )
    return rows


def _of_interactions(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if counts["users_below_3"]:
        rows.append(
            (
                f"{counts['users_below_3']:,} of {counts['users']:,} users have fewer than 3 "
                "interactions",
                "they have no test interactions; fit --k-core 3 leaves these users out",
            )
        )
    if counts["timestamps"] is None:
        rows.append(("there are no timestamps", "the default split is random, not by time"))
    if counts["duplicates"]:
        rows.append((f"{counts['duplicates']:,} pairs are repeated", "the earliest of each counts"))
    share = counts["share_of_top_tenth_of_items"]
    if share >= UNEVEN:
        rows.append(
            (
                f"a tenth of the items has {share:.0%} of the interactions",
                "compare with the most popular items, whose metrics `mmgcn evaluate` also prints",
            )
        )
    return rows


def _of_matching(matching: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    never, cold = matching["items_never_extracted"], matching["items_never_watched"]
    if never["count"]:
        nearest = ", ".join(matching["nearest_to_the_first"])
        hint = f"; the nearest extracted ids to the first are {nearest}" if nearest else ""
        rows.append(
            (
                f"{_some(never)} have interactions and were not extracted{hint}",
                "extract them, or fit --missing mask or drop",
            )
        )
    if cold["count"]:
        rows.append(
            (
                f"{_some(cold)} were extracted and have no interactions",
                "they are recommended by content; evaluate --cold-items measures the accuracy",
            )
        )
    return rows


def _some(some: Mapping[str, Any]) -> str:
    shown = ", ".join(some["examples"][:3]) + (", ..." if some["count"] > 3 else "")
    return f"{some['count']:,} item{'' if some['count'] == 1 else 's'} ({shown})"
