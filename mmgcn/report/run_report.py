"""Run report: what was trained, how good it is, what each modality is worth, and for whom."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmgcn.report.charts import Line, curves, intervals
from mmgcn.report.document import document
from mmgcn.report.lists import UserList, compact
from mmgcn.report.markup import Markup, element, joined
from mmgcn.report.pictures import Pictures
from mmgcn.run import Run, RunError

FAMILIES = {
    "recall": "Recall",
    "ndcg": "NDCG",
    "precision": "Precision",
    "hit_rate": "Hit rate",
    "mrr": "MRR",
}
Figures = Mapping[str, float]  # recall@20 -> 0.72


def run_document(
    run: Run,
    *,
    test: Mapping[str, Figures],
    lists: Sequence[UserList],
    captions: Mapping[str, str],
    pictures: Pictures,
) -> str:
    """Return the document of a run.

    Args:
        test: by name of a model, its figures on the withheld test part; none where there is none.
        lists: what some users get.

    Raises:
        RunError: metrics.jsonl or ablation.json is there and corrupt.
    """
    name = run.path.resolve().name
    title = element("div", element("h1", "Run"), element("p", name, class_="muted"), class_="title")
    examples = [element("h2", "For example")] if lists else []
    examples += [compact(held, captions, pictures) for held in lists]
    body = joined(
        [
            title,
            _facts(run),
            _figures(run, test),
            _training(run),
            _worth(run),
            examples,
            _settings(run),
        ]
    )
    return document(f"Run {name} · mmgcn", body, styles=pictures.styles())


def _facts(run: Run) -> Markup:
    counts = run.config.get("num_interactions", {})
    held = {
        "model": run.config.get("model", "unknown"),
        "users": f"{len(run.users):,}",
        "items": f"{len(run.items):,}",
        "interactions": f"{sum(counts.values()):,}" if counts else None,
        "channels": ", ".join(run.parts),
        "trained in": _seconds(run.config.get("train_seconds")),
    }
    rows = [
        element("div", element("dt", name), element("dd", value))
        for name, value in held.items()
        if value is not None
    ]
    return element("dl", rows, class_="facts")


def _seconds(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"


def _figures(run: Run, test: Mapping[str, Figures]) -> list[Markup]:
    valid = run.config.get("valid") or {}
    tables = {
        "The test part": test,
        "The validation part, by which the epoch was chosen": valid
        and {run.config.get("model", "model"): valid},
    }
    held = [
        element("div", element("p", title, class_="muted"), _table(rows))
        for title, rows in tables.items()
        if rows
    ]
    if not held:
        return []
    title = element("h2", "How well it finds what was withheld")
    return [title, element("div", held, class_="beside")]


def _table(rows: Mapping[str, Figures]) -> Markup:
    families = _families(next(iter(rows.values())))
    ks = sorted({k for own in families.values() for k in own})
    body = [
        element(
            "tr",
            element("th", f"{label(family)}", element("span", f" {name}", class_="muted")),
            [element("td", _figure(figures, f"{family}@{k}")) for k in ks],
        )
        for family in families
        for name, figures in rows.items()
    ]
    head = element("tr", element("td"), [element("th", f"@{k}", scope="col") for k in ks])
    table = element("table", element("thead", head), element("tbody", body), class_="figures")
    return element("div", table, class_="scroller")


def _figure(figures: Figures, name: str) -> str:
    return f"{figures[name]:.4f}" if name in figures else ""


def label(family: str) -> str:
    """Return the name of a family of figures for a person.

    >>> label("hit_rate"), label("mine")
    ('Hit rate', 'mine')
    """
    return FAMILIES.get(family, family)


def _families(names: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the lengths of each family: recall@10, recall@20 -> recall: 10, 20."""
    held: dict[str, list[int]] = {family: [] for family in FAMILIES}
    for name in names:
        family, _, k = name.partition("@")
        if k.isdigit():
            held.setdefault(family, []).append(int(k))
    return {family: sorted(ks) for family, ks in held.items() if ks}


def _training(run: Run) -> list[Markup]:
    looks = _looks(run.path / "metrics.jsonl")
    if not looks:
        return []

    def points(name: str) -> list[tuple[float, float]]:
        return [
            (look["epoch"], look[name])
            for look in looks
            if isinstance(look.get(name), int | float) and math.isfinite(look[name])
        ]

    charts = {"Training loss": [Line("", points("loss"))]}
    for family, ks in _families(looks[0]).items():
        charts[label(family)] = [Line(f"@{k}", points(f"{family}@{k}")) for k in ks]
    best = run.config.get("best_epoch")
    drawn = [
        element("figure", element("figcaption", title), curves(title, lines, best=best))
        for title, lines in charts.items()
        if all(line.points for line in lines)
    ]
    told = "by epoch" if best is None else f"by epoch; the best was {best}"
    title = element("h2", "How it was trained")
    return [
        element("div", title, element("p", told, class_="muted"), class_="title"),
        element("div", drawn, class_="charts"),
    ]


def _looks(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except ValueError as error:
        raise RunError(f"{path} is corrupt: {error}") from error


def _worth(run: Run) -> list[Markup]:
    held = run.ablation()
    if held is None or not held["rows"]:
        return []
    names = {"drop": "without {}", "shuffle": "{} shuffled"}
    rows = [
        {**row, "name": names.get(row["how"], f"{{}}, {row['how']}").format(row["modality"])}
        for row in held["rows"]
    ]
    title = f"{held['metric']} that is lost, with its interval"
    return [
        element("h2", "What each modality is worth"),
        element("figure", element("figcaption", title), intervals(title, rows)),
    ]


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _settings(run: Run) -> list[Markup]:
    held = run.config.get("settings", {})
    rows = [
        element("tr", element("th", name, scope="row"), element("td", _setting(value)))
        for name, value in {"seed": run.config.get("seed"), **held}.items()
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
        element("table", element("tbody", features, rows), class_="figures settings-table"),
    ]
