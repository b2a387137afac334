"""Space: the search space of a tuning: settings of a model, with their ranges.

In TOML, one setting per line, in a table with the name of the model or at the top level:

    learning_rate = { low = 0.001, high = 0.02, log = true }
    num_layers = { low = 1, high = 3 }
    dim = [32, 64, 128]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmgcn.config import SettingError
from mmgcn.recommender_model import RecommenderModel


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; integers if both bounds are.

    Args:
        log: whether the logarithm is sampled uniformly.
    """

    low: float
    high: float
    log: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether all values are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (", by magnitude" if self.log else "")


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def __contains__(self, value: object) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


Space = Mapping[str, Range | Choice]

_TRAINED: Space = {
    "dim": Choice((32, 64, 128)),
    "learning_rate": Range(5e-4, 2e-2, log=True),
    "batch_size": Choice((1024, 2048, 4096)),
}
_SOFTMAX: Space = {
    **_TRAINED,
    "temperature": Range(0.1, 0.6),
    "num_negatives": Choice((512, 1024, 2048)),
    "user_balance": Range(0.0, 1.0),
}
_BPR: Space = {**_TRAINED, "l2_reg": Range(1e-4, 1.0, log=True)}

DEFAULT: Mapping[str, Space] = {
    "linear_mmgcn": {
        **_SOFTMAX,
        "ensemble_size": Range(1, 4),
        "num_item_neighbours": Range(0, 30),
        "item_neighbour_weight": Range(0.2, 4.0, log=True),
        "viewer_weight": Range(0.2, 8.0, log=True),
        "leave_out": Range(0.0, 0.9),
        "edge_dropout": Range(0.0, 0.5),
        "popularity_prior": Range(0.0, 1.0),
        "id_scale": Range(0.005, 0.2, log=True),
        "negatives": Choice(("all", "watched")),
    },
    "mmgcn": {
        **_SOFTMAX,
        "num_layers": Range(1, 3),
        "combination": Choice(("ele", "co")),
        "slope": Range(0.01, 1.0, log=True),
        "negatives": Choice(("all", "watched")),
    },
    "lightgcn": {**_SOFTMAX, "num_layers": Range(1, 4)},
    "xsimgcl": {
        **_SOFTMAX,
        "noise": Range(0.02, 0.5, log=True),
        "contrast_weight": Range(0.01, 1.0, log=True),
        "contrast_temperature": Range(0.1, 0.5),
    },
    "lattice": {
        **_SOFTMAX,
        "num_item_neighbours": Range(5, 30),
        "frozen_weight": Range(0.0, 1.0),
    },
    "freedom": {
        **_SOFTMAX,
        "num_item_neighbours": Range(5, 30),
        "pruning": Range(0.0, 0.9),
        "modality_weight": Range(0.01, 1.0, log=True),
    },
    "mgcn": {
        **_SOFTMAX,
        "num_item_neighbours": Range(5, 30),
        "contrast_weight": Range(0.001, 1.0, log=True),
        "contrast_temperature": Range(0.1, 0.5),
    },
    "bm3": {
        **_TRAINED,
        "num_layers": Range(1, 3),
        "dropout": Range(0.0, 0.6),
        "modality_weight": Range(0.01, 4.0, log=True),
        "popularity_prior": Range(0.0, 0.4),
    },
    "mf": _BPR,
    "vbpr": _BPR,
    "ease": {"l2_reg": Range(1.0, 2000.0, log=True)},
    "itemknn": {
        "num_item_neighbours": Range(10, 500, log=True),
        "user_weight": Range(0.0, 1.5),
        "popularity_weight": Range(0.0, 1.0),
        "shrink": Range(0.0, 50.0),
    },
}
"""Default space of each model. Other models need a file."""


def read_space(kind: type[RecommenderModel[Any]], table: Mapping[str, Any]) -> Space:
    """Return the space that a TOML file declares for a model.

    Args:
        kind: class of the model.
        table: content of the file: settings, or a table with the name of the model.

    Raises:
        SettingError: the model does not have a setting (the message suggests the nearest), does not
            accept a value, or an entry is neither a range nor a list.
    """
    table = table.get(kind.name, table)
    if not isinstance(table, Mapping) or not table:
        raise SettingError(f"the space of {kind.name} names no setting")
    return {name: _read(name, kind, given) for name, given in table.items()}


def _read(name: str, kind: type[RecommenderModel[Any]], given: object) -> Range | Choice:
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not given:
            raise SettingError(f"the space of {name} is an empty list")
        for value in given:
            kind.parse_settings({name: value})  # refuse a bad value now, not after hours
        return Choice(tuple(given))
    if not isinstance(given, Mapping):
        raise SettingError(
            f"the space of {name} is '{given}'; expected a list, or {{ low = 1, high = 2 }}, "
            "optionally with log = true"
        )
    unknown = [key for key in given if key not in ("low", "high", "log")]
    if unknown or not {"low", "high"} <= given.keys():
        raise SettingError(
            f"the space of {name} has {', '.join(given)}; expected low, high and optionally log"
        )
    low, high, log = given["low"], given["high"], given.get("log", False)
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high))
    if not numbers or low > high or (log and low <= 0):
        raise SettingError(
            f"the space of {name} goes from {low} to {high}{' on a log scale' if log else ''}; "
            "expected two numbers, the lower first, above 0 if log is true"
        )
    for end in (low, high):
        kind.parse_settings({name: end})
    return Range(low, high, log)
