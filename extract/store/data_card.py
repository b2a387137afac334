"""Data card: README.md of a published feature set, generated from its manifest and records.

Source: https://huggingface.co/docs/hub/datasets-cards (metadata between two lines of dashes).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.store.feature_set import FeatureSet

TAGS = ("feature-extraction", "recommender-system", "mmgcn")
SIZES = ((1_000, "1K"), (10_000, "10K"), (100_000, "100K"), (1_000_000, "1M"), (10_000_000, "10M"))
USAGE = """\
```python
from extract import from_pretrained

features = from_pretrained(".", "features")  # a clone of this repository, into a feature store
ids, vectors = features.pooled()  # one vector per item
```

Without mmgcn:

```python
from safetensors.numpy import load_file

rows = load_file("features-00001-of-{num_files:05}.safetensors")  # item id: (T, D)
```"""


def data_card(features: FeatureSet, *, num_files: int = 1) -> str:
    """Return the card: encoder, settings and coverage. The publisher adds the licence.

    Args:
        features: the set.
        num_files: number of files of rows.
    """
    manifest = features.manifest
    num_items, num_rows, statuses, reasons = _counts(features)
    name = f"{manifest['modality']} features by {manifest['encoder']}"
    lines = [
        "---",
        "# license: choose one; the videos and the encoder's weights may have conditions",
        f"pretty_name: {json.dumps(name)}",
        "tags:",
        *(f"- {tag}" for tag in TAGS),
        "size_categories:",
        f"- {size_category(num_items)}",
        "configs:",
        "- config_name: items",
        "  data_files: records.jsonl",
        "---",
        "",
        f"# {name[0].upper()}{name[1:]}",
        "",
        "Feature rows of micro-videos, extracted with mmgcn"
        f"{_version(manifest, 'mmgcn')}. Feature set `{features.digest}`.",
        "",
        "**Before you publish:** the files contain the ids of all items and vectors of their "
        "content, no videos and no captions. Choose a licence above.",
        "",
        "## Data",
        "",
        f"- {num_items:,} items with features, {num_rows:,} rows of width {manifest['dim']} "
        f"({manifest.get('dtype', 'float16')}); one vector per item by the pooling "
        f"`{manifest.get('pooling', 'mean')}`",
        f"- {', '.join(f'{count:,} {status}' for status, count in sorted(statuses.items()))}",
        *(f"- not done: {reason} ({count:,})" for reason, count in reasons.most_common(5)),
        "",
        "## Encoder and settings",
        "",
        "```json",
        json.dumps(_settings(manifest), indent=1, ensure_ascii=False),
        "```",
        "",
        "## Use",
        "",
        USAGE.format(num_files=num_files),
    ]
    return "\n".join(lines) + "\n"


def size_category(num_items: int) -> str:
    """Return the hub's name for a number of items.

    >>> size_category(72), size_category(4_000), size_category(20_000_000)
    ('n<1K', '1K<n<10K', '10M<n<100M')
    """
    lower = "n"
    for bound, name in SIZES:
        if num_items < bound:
            return f"n<{name}" if lower == "n" else f"{lower}<n<{name}"
        lower = name
    return f"{lower}<n<100M"


def _counts(features: FeatureSet) -> tuple[int, int, Counter[str], Counter[str]]:
    """Return the number of items with rows and of rows, items by status, and by reason."""
    statuses: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    num_items = num_rows = 0
    for record in features.records.sorted():
        statuses[record.status] += 1
        num_items += record.rows > 0
        num_rows += record.rows
        if record.reason:
            reasons[record.reason] += 1
    return num_items, num_rows, statuses, reasons


def _settings(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key != "schema_version"}


def _version(manifest: dict[str, Any], package: str) -> str:
    version = manifest.get("versions", {}).get(package)
    return f" {version}" if version else ""
