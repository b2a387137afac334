"""Run report: metrics, evaluation history, modality worth, coverage, maps and example lists."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmgcn.display.curves import member_starts
from mmgcn.evaluation.baseline import popular_baseline
from mmgcn.evaluation.coverage import run_coverage
from mmgcn.report.charts import Line, channel_label, curves, intervals
from mmgcn.report.coverage import coverage_section
from mmgcn.report.document import document
from mmgcn.report.lists import UserList, compact
from mmgcn.report.map import map_section
from mmgcn.report.markup import Markup, element, joined
from mmgcn.report.poster_images import PosterImages
from mmgcn.run import Run, RunError

FAMILIES = {
    "recall": "Recall",
    "ndcg": "NDCG",
    "precision": "Precision",
    "hit_rate": "Hit rate",
    "mrr": "MRR",
}
Metrics = Mapping[str, float]  # recall@20 -> 0.72


def run_document(
    run: Run,
    *,
    test: Mapping[str, Metrics],
    lists: Sequence[UserList],
    captions: Mapping[str, str],
    posters: PosterImages,
) -> str:
    """Return the HTML document of a run.

    Args:
        test: metrics on the test part by model; empty without a test part.
        lists: recommendations for example users.
        captions: captions by item id.
        posters: posters of items.

    Raises:
        RunError: metrics.jsonl or ablation.json is corrupt.
    """
    name = run.path.name
    title = element("div", element("h1", "Run"), element("p", name, class_="muted"), class_="title")
    examples = [element("h2", "Example lists")] if lists else []
    examples += [compact(user_list, captions, posters) for user_list in lists]
    body = joined(
        [
            title,
            _facts(run),
            _metrics(run, test),
            _training(run),
            _modality_worth(run),
            coverage_section(run_coverage(run)),
            map_section(run, captions, posters),
            examples,
            _settings(run),
        ]
    )
    return document(f"Run {name} · mmgcn", body, styles=posters.styles())


def _facts(run: Run) -> Markup:
    counts = run.config.get("num_interactions", {})
    facts = {
        "model": run.config.get("model", "unknown"),
        "users": f"{len(run.users):,}",
        "items": f"{len(run.items):,}",
        "interactions": f"{sum(counts.values()):,}" if counts else None,
        "signals": ", ".join(map(channel_label, run.parts)),
        "trained in": _seconds(run.config.get("train_seconds")),
    }
    rows = [
        element("div", element("dt", name), element("dd", value))
        for name, value in facts.items()
        if value is not None
    ]
    return element("dl", rows, class_="facts")


def _seconds(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"


def _metrics(run: Run, test: Mapping[str, Metrics]) -> list[Markup]:
    valid = run.config.get("valid") or {}
    tables = {
        "Test part": test,
        "Validation part, on which the epoch was selected": valid
        and {run.config.get("model", "model"): valid},
    }
    sections = [
        element("div", element("p", title, class_="muted"), _table(rows))
        for title, rows in tables.items()
        if rows
    ]
    if not sections:
        return []
    title = element("h2", "Accuracy on held-out videos")
    return [title, element("div", sections, class_="beside")]


def _table(rows: Mapping[str, Metrics]) -> Markup:
    families = _families(next(iter(rows.values())))
    ks = sorted({k for own in families.values() for k in own})
    body = [
        element(
            "tr",
            element("th", f"{label(family)}", element("span", f" {name}", class_="muted")),
            [element("td", _value(metrics, f"{family}@{k}")) for k in ks],
        )
        for family in families
        for name, metrics in rows.items()
    ]
    head = element("tr", element("td"), [element("th", f"@{k}", scope="col") for k in ks])
    table = element("table", element("thead", head), element("tbody", body), class_="metrics")
    return element("div", table, class_="scroller")


def _value(metrics: Metrics, name: str) -> str:
    return f"{metrics[name]:.4f}" if name in metrics else ""


def label(family: str) -> str:
    """Return the label of a family of metrics.

    >>> label("hit_rate"), label("mine")
    ('Hit rate', 'mine')
    """
    return FAMILIES.get(family, family)


def _in_sentence(text: str) -> str:
    """Return a label for use in a sentence: "Hit rate" -> "hit rate", "NDCG" -> "NDCG"."""
    return text if text.isupper() else text[0].lower() + text[1:]


def _families(names: Iterable[str]) -> dict[str, list[int]]:
    """Return the list lengths of each family: recall@10, recall@20 -> recall: 10, 20."""
    families: dict[str, list[int]] = {family: [] for family in FAMILIES}
    for name in names:
        family, _, k = name.partition("@")
        if k.isdigit():
            families.setdefault(family, []).append(int(k))
    return {family: sorted(ks) for family, ks in families.items() if ks}


def _training(run: Run) -> list[Markup]:
    history = _evaluation_history(run.path / "metrics.jsonl")
    if not history:
        return []
    popular = popular_baseline(run)
    starts = member_starts(run.config, max(record["epoch"] for record in history))

    def points(name: str) -> list[tuple[float, float]]:
        return [
            (record["epoch"], record[name])
            for record in history
            if isinstance(record.get(name), int | float) and math.isfinite(record[name])
        ]

    charts = {"Training loss": [Line("", points("loss"))]}
    for family, ks in _families(history[0]).items():
        if family == "hit_rate" and popular.max_held_out == 1:
            continue  # equal to recall
        charts[f"Validation {_in_sentence(label(family))}"] = [
            Line(f"@{k}", points(f"{family}@{k}"), popular.metrics.get(f"{family}@{k}")) for k in ks
        ]
    best = run.config.get("best_epoch")
    drawn = [
        element(
            "figure", element("figcaption", title), curves(title, lines, best=best, starts=starts)
        )
        for title, lines in charts.items()
        if all(line.points for line in lines)
    ]
    note = "by epoch" if best is None else f"by epoch; the best was {best}"
    if len(starts) > 1:
        note += (
            f"; {len(starts)} ensemble members, one after the other, drawn separately: each lowers "
            "the metrics of the ensemble until it is trained"
        )
    if popular.metrics:
        note += "; dashed: the most popular videos"
    title = element("h2", "Training")
    return [
        element("div", title, element("p", note, class_="muted"), class_="title"),
        element("div", drawn, class_="charts"),
    ]


def _evaluation_history(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except ValueError as error:
        raise RunError(f"{path} is corrupt: {error}") from error


def _modality_worth(run: Run) -> list[Markup]:
    ablation = run.ablation()
    if ablation is None or not ablation["rows"]:
        return []
    names = {"drop": "without {}", "shuffle": "{} shuffled"}
    rows = [
        {**row, "name": names.get(row["how"], f"{{}}, {row['how']}").format(row["modality"])}
        for row in ablation["rows"]
    ]
    title = f"Drop in {ablation['metric']}, with its interval"
    return [
        element("h2", "Modality worth"),
        element("figure", element("figcaption", title), intervals(title, rows)),
    ]


def _setting(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _settings(run: Run) -> list[Markup]:
    settings = run.config.get("settings", {})
    rows = [
        element("tr", element("th", name, scope="row"), element("td", _setting(value)))
        for name, value in {"seed": run.config.get("seed"), **settings}.items()
    ]
    features = [
        element(
            "tr",
            element("th", f"features of {name}", scope="row"),
            element("td", f"{Path(str(own.get('encoder'))).name}, {own.get('dim')} wide"),
        )
        for name, own in run.config.get("features", {}).items()
    ]
    return [
        element("h2", "Settings"),
        element("table", element("tbody", features, rows), class_="metrics settings-table"),
    ]
