"""Model card: README.md of a published run, written from its folder.

Source: https://huggingface.co/docs/hub/model-cards (metadata between two lines of dashes).
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from mmgcn.run import Run

SAME_STUDY = ("model", "settings", "split", "interactions_digest", "channels")
TAGS = ("recommendation", "recommender-system", "multimodal", "mmgcn")
USAGE = """\
```python
from mmgcn import Recommender, from_pretrained

run = from_pretrained(".", out="runs/published")  # a clone of this repository
Recommender(run).recommend(["{user}"], k=10)
```"""


def model_card(run: Run) -> str:
    """Return the card: data, settings, seeds and metrics, with a gap for the licence."""
    config = run.config
    model, counts = str(config["model"]), config.get("num_interactions", {})
    runs = same_study(run)
    seeds = sorted({int(each["seed"]) for each in runs})
    lines = [
        "---",
        "library_name: mmgcn",
        "# license: choose one; the interactions may have conditions of their own",
        "tags:",
        *(f"- {tag}" for tag in TAGS),
        "---",
        "",
        f"# {model}",
        "",
        f"A recommender trained with mmgcn {config.get('versions', {}).get('mmgcn', '')}.",
        "",
        "**Before you publish:** the files contain the ids of all users and items, and the "
        "interactions of each user. Choose a licence above.",
        "",
        "## Data",
        "",
        f"- {len(run.users):,} users, {len(run.items):,} items",
        f"- {counts.get('seen', 0):,} training, {counts.get('valid', 0):,} validation and "
        f"{counts.get('test', 0):,} test interactions, split {config.get('split', 'unknown')}",
        f"- features: {_features(config)}",
        "",
        "## Settings",
        "",
        "```json",
        json.dumps(config.get("settings", {}), indent=1),
        "```",
        "",
        "## Metrics",
        "",
        *_metrics(runs, seeds),
        "",
        "## Use",
        "",
        USAGE.format(user=run.users.id(0)),
    ]
    return "\n".join(lines) + "\n"


def same_study(run: Run) -> list[dict[str, Any]]:
    """Return the configurations of the run and of runs beside it that differ only in the seed."""
    found = {int(run.config["seed"]): run.config}
    for file in sorted(run.path.parent.glob("*/config.json")):
        try:
            other = json.loads(file.read_text(encoding="utf-8"))
            if all(other.get(key) == run.config.get(key) for key in SAME_STUDY):
                found.setdefault(int(other["seed"]), other)
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            continue  # no run, or one that is being written
    return list(found.values())


def _features(config: dict[str, Any]) -> str:
    described = []
    for name, source in config.get("features", {}).items():
        encoder = Path(str(source.get("encoder", "unknown"))).name
        described.append(f"{name} ({encoder}, width {source.get('dim', '?')})")
    return ", ".join(described) or "none"


def _metrics(runs: list[dict[str, Any]], seeds: list[int]) -> list[str]:
    """Return a table of the validation metrics, with their standard deviation over seeds."""
    names = [name for name in runs[0].get("valid", {}) if all(name in r["valid"] for r in runs)]
    if not names:
        return ["No validation part: the run was trained on all interactions."]
    spread = "standard deviation" if len(seeds) > 1 else ""
    listed = ", ".join(map(str, seeds))
    lines = [
        f"Validation part, full ranking, seed{'s' if len(seeds) > 1 else ''} {listed}. The epoch "
        "was chosen on the same part.",
        "",
        f"| metric | mean |{f' {spread} |' if spread else ''}",
        f"|---|---|{'---|' if spread else ''}",
    ]
    for name in names:
        values = [float(each["valid"][name]) for each in runs]
        deviation = f" {statistics.stdev(values):.4f} |" if spread else ""
        lines.append(f"| {name} | {statistics.mean(values):.4f} |{deviation}")
    return lines
