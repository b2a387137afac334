"""Run: the folder of a trained model, in files of common formats.

    config.json                  model, settings, seed, data, metrics; `recipe` contains the
                                 settings that reproduce the evaluated model
    users.parquet items.parquet  external ids, in the order of the rows below
    user.npy item.npy            (U, d) and (I, d) float32; a score is an inner product. Without
                                 user.npy a user's vector is its row of interactions (seen_*)
    parts/<channel>.npy          (I, d) each, which add up to item.npy. The last column belongs to
                                 the channel `popularity_prior`, if there is one; it is 1 for users
    present/<channel>.npy        (I,) bool, items that have the channel's features; only for
                                 channels that some items lack, whose parts the model inferred from
                                 their neighbours
    seen_* valid_* test_*        indptr.npy and indices.npy: items of each user in that part, oldest
                                 first
    skipped_*                    items that each user skipped, if any, which are in none of the
                                 user's lists
    popularity.npy               (I,) number of training interactions of each item
    model.safetensors metrics.jsonl curves.png

Nothing is pickled. `config.json` is written last: a folder without it is unfinished.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from mmgcn.data.ids import IdMap
from mmgcn.interaction_rows import InteractionRows
from mmgcn.popularity_prior import POPULARITY

SCHEMA_VERSION = 1
Csr = tuple[np.ndarray, np.ndarray]  # indptr (U + 1,), indices (E,)
PARTS = ("seen", "valid", "test")
SIZES = ("num_users", "num_items", "dim")  # keys of the configuration


class RunError(OSError, LookupError):
    """A run folder that cannot be read; the message says why and what to do."""


@dataclass(eq=False)
class Run:
    """A finished run with memory-mapped matrices.

    Args:
        path: run folder.
        config: content of config.json.
    """

    path: Path
    config: dict[str, Any]

    @classmethod
    def load(cls, path: Path | str) -> Run:
        """Open a run folder.

        Raises:
            RunError: there is no run, it is unfinished or incomplete, or a newer mmgcn wrote it.
        """
        path = Path(path)
        if path.name == "latest" and path.is_file():  # where links cannot be made
            path = path.parent / path.read_text(encoding="utf-8").strip()
        if not path.is_dir():
            raise RunError(f"no run at {path}; train one with: mmgcn fit")
        path = path.resolve()  # `latest` may point to another run when files are opened later
        try:
            config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(_why_no_configuration(path)) from error
        except ValueError as error:
            raise RunError(f"{path / 'config.json'} is corrupt: {error}; fit again") from error
        version = config.get("schema_version") if isinstance(config, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise RunError(
                f"the run at {path} was written by a newer mmgcn (format {version}, this one reads "
                f"up to {SCHEMA_VERSION}); upgrade mmgcn, or fit again"
            )
        sizes = [config.get(name) for name in SIZES]
        channels = config.get("channels")
        if not all(isinstance(size, int) for size in (version, *sizes)) or not channels:
            raise RunError(
                f"{path / 'config.json'} is corrupt: it lacks one of schema_version, "
                f"{', '.join(SIZES)}, channels; fit again"
            )
        run = cls(path, config)
        _ = run.user, run.item  # refuse an incomplete run now, not at the first request
        return run

    @cached_property
    def users(self) -> IdMap:
        """The users' ids."""
        return self._ids("users.parquet", "user", self.config["num_users"])

    @cached_property
    def items(self) -> IdMap:
        """The items' ids."""
        return self._ids("items.parquet", "item", self.config["num_items"])

    @cached_property
    def user(self) -> np.ndarray | InteractionRows:
        """Vectors of the users; rows of interactions for an item-item model.

        Shapes:
            the result: (U, d) float32.
        """
        if self.config.get("user_vectors") == "interactions":
            return InteractionRows(self.csr("seen"), self.config["num_items"])
        return self._array("user.npy", (self.config["num_users"], self.config["dim"]))

    def mean_user(self) -> np.ndarray:
        """Return the mean vector of the users with training interactions. Shapes: (d,) float64."""
        if isinstance(self.user, InteractionRows):
            return self.user.mean()
        known = np.diff(self.csr("seen")[0]) > 0
        mean: np.ndarray = self.user[known].mean(axis=0, dtype=np.float64)
        return mean

    @cached_property
    def item(self) -> np.ndarray:
        """Vectors of the items. Shapes: (I, d) float32."""
        return self._array("item.npy", (self.config["num_items"], self.config["dim"]))

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """Summands of the item vectors, by channel. Shapes: (I, d) float32 each."""
        shape = (self.config["num_items"], self.config["dim"])
        return {
            name: self._array(f"parts/{quote(name, safe='')}.npy", shape)
            for name in self.config["channels"]
        }

    @cached_property
    def vector_parts(self) -> dict[str, np.ndarray]:
        """The parts that describe the item: all except the popularity prior."""
        return {name: part for name, part in self.parts.items() if name != POPULARITY}

    @cached_property
    def present(self) -> dict[str, np.ndarray]:
        """Masks of the items that have a channel, for channels that some items lack.

        The model inferred the part of an item without the channel from its neighbours.

        Shapes:
            the result: (I,) bool each.
        """
        shape = (self.config["num_items"],)
        return {
            name: self._array(f"present/{quote(name, safe='')}.npy", shape)
            for name in self.config.get("incomplete_channels", ())
        }

    def has(self, channel: str, item_index: np.ndarray) -> np.ndarray:
        """Return whether items have a channel of their own. Shapes: (N,) -> (N,) bool."""
        if channel in self.present:
            return np.asarray(self.present[channel][item_index])
        return np.ones(np.shape(item_index), dtype=bool)

    @property
    def has_prior(self) -> bool:
        """Whether the last column of users and items is the popularity prior."""
        return POPULARITY in self.config["channels"]

    @cached_property
    def item_vectors(self) -> np.ndarray:
        """The item vectors with a popularity prior of 0. Shapes: (I, d) float32."""
        if not self.has_prior:
            return self.item
        vectors = np.array(self.item)
        vectors[:, -1] = 0
        return vectors

    @cached_property
    def popularity(self) -> np.ndarray:
        """Number of training interactions of each item. Shapes: (I,) int64."""
        return self._array("popularity.npy", (self.config["num_items"],))

    def ablation(self) -> dict[str, Any] | None:
        """Return the contribution of each modality, as `mmgcn ablate --run` wrote it, or None.

        Keys are `metric`, and `rows` with modality, how, mean, low and high: the mean loss of the
        metric without the modality, and the bounds of its interval, which may be None.

        Raises:
            RunError: the file is corrupt.
        """
        path = self.path / "ablation.json"
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            metric, rows = str(stored["metric"]), stored["rows"]
            names = ("modality", "how", "mean", "low", "high")
            return {"metric": metric, "rows": [{name: row[name] for name in names} for row in rows]}
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is corrupt: {error}; write it again: mmgcn ablate") from error

    @property
    def never_listed(self) -> tuple[str, ...]:
        """Names of parts, for `csr`, whose items are in no list of their user."""
        return ("skipped",) if "skipped" in self.config.get("num_interactions", {}) else ()

    def csr(self, part: str) -> Csr:
        """Return the items of each user in `seen` (training), `valid`, `test` or `skipped`.

        Shapes:
            the result: indptr (U + 1,) and indices (E,), the item_index of user 0, then of user 1,
            ..., the oldest interaction first.
        """
        indptr = self._array(f"{part}_indptr.npy", (self.config["num_users"] + 1,))
        return indptr, self._array(f"{part}_indices.npy", (int(indptr[-1]),))

    def _ids(self, name: str, kind: str, expected: int) -> IdMap:
        path = self.path / name
        try:
            ids = IdMap.load(path, kind=kind)
        except FileNotFoundError as error:
            raise RunError(f"the run at {self.path} lacks {name}; fit again") from error
        except ValueError as error:
            raise RunError(f"{path} is corrupt: {error}; fit again") from error
        if len(ids) != expected:
            raise RunError(
                f"the run at {self.path} is incomplete: {name} contains {len(ids):,} ids instead "
                f"of {expected:,}; fit again"
            )
        return ids

    def _array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        path = self.path / name
        try:
            array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError as error:
            raise RunError(f"the run at {self.path} lacks {name}; fit again") from error
        except PermissionError:
            raise
        except (ValueError, OSError, EOFError) as error:
            raise RunError(f"{path} is corrupt: {error}; fit again") from error
        if array.shape != shape:
            raise RunError(
                f"the run at {self.path} is incomplete: {name} has the shape {array.shape} instead "
                f"of {shape}; fit again"
            )
        return array


def _why_no_configuration(path: Path) -> str:
    if (path / "latest").exists():
        return f"{path} is a folder of runs; name one of them, such as {path / 'latest'}"
    if any((path / name).exists() for name in ("checkpoint", "metrics.jsonl", "users.parquet")):
        return (
            f"the run at {path} is unfinished; resume it with `mmgcn fit --resume`, or name "
            "another run"
        )
    return f"{path} contains no run: it has no config.json; name another run"
