"""ItemMap: a run's items in two dimensions by t-SNE, for all channels or one, with clusters."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from extract.extras import require
from mmgcn.run import Run, RunError
from mmgcn.serving.selector import ID_CHANNEL

MAX_ITEMS = 5_000  # items on a map: a minute of computation
NUM_COMPONENTS = 50  # principal components as input of t-SNE
PERPLEXITY = 30.0
MAX_CLUSTERS = 12
FOLDER = "map"  # in the run folder
FUSED = "fused"  # file name of the map by all channels; those of channels have a prefix


class MapError(ValueError):
    """A map that cannot be computed; the message says why."""


@dataclass(frozen=True, eq=False)
class ItemMap:
    """Positions of items in a square, near each other for similar vectors.

    Args:
        item_index: items that have the channel, at most the 5,000 most popular ones.
        xy: positions from 0 to 1.
        cluster: number, from 0, of the item's cluster by all channels, on every map of the run.

    Shapes:
        item_index: (N,) int64; xy: (N, 2) float32; cluster: (N,) int64.
    """

    item_index: np.ndarray
    xy: np.ndarray
    cluster: np.ndarray


def map_channels(run: Run) -> list[str | None]:
    """Return the channels that a run's items can be mapped by: None for all, then modalities."""
    return [None, *(name for name in run.vector_parts if name != ID_CHANNEL)]


def load_map(run: Run, channel: str | None = None) -> ItemMap | None:
    """Return the stored map of a run, or None if there is none.

    Raises:
        RunError: the file is corrupt.
    """
    path = _path(run, channel)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = ItemMap(stored["item_index"], stored["xy"], stored["cluster"])
    except FileNotFoundError:
        return None
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{path} is corrupt: {error}; remove the file, and it is computed again"
        ) from error
    return found


def store_map(run: Run, channel: str | None = None, *, seed: int = 0) -> ItemMap:
    """Compute a map and store it in the run folder, atomically.

    Raises:
        ImportError: scikit-learn is not installed.
        MapError: no item has the channel.
        OSError: the folder cannot be written.
    """
    item_map = compute_map(run, channel, seed=seed)
    path = _path(run, channel)
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.savez(file, item_index=item_map.item_index, xy=item_map.xy, cluster=item_map.cluster)
    temporary.replace(path)
    return item_map


def compute_map(run: Run, channel: str | None = None, *, seed: int = 0) -> ItemMap:
    """Return the map of a run's items by the cosines of their vectors.

    Args:
        channel: part of the vectors to compare; None for the full vectors.
        seed: seed of the initial positions and the clusters.

    Raises:
        ImportError: scikit-learn is not installed.
        MapError: the run has no such channel, or no item has it.

    Source: van der Maaten, Hinton: Visualizing data using t-SNE, JMLR 2008, as in scikit-learn.
    """
    if channel is not None and channel not in run.vector_parts:
        known = ", ".join(run.vector_parts)
        raise MapError(f"the run has no channel '{channel}'; it has: {known}")
    vectors = run.item_vectors if channel is None else run.vector_parts[channel]
    kept = _mapped_items(run)
    rows = _unit_length(np.asarray(vectors)[kept])
    present = rows.any(axis=1)
    kept, rows = kept[present], rows[present]
    if len(rows) == 0:
        raise MapError(f"no item of the run has {channel or 'a vector'}; there is nothing to map")
    clusters = np.full(len(run.items), -1, dtype=np.int64)
    mapped = _mapped_items(run)
    clusters[mapped] = _clusters(np.asarray(run.item_vectors)[mapped], seed)
    return ItemMap(kept, _scaled(_positions(rows, seed)), clusters[kept])


def _mapped_items(run: Run) -> np.ndarray:
    """Return the indices of the items on maps, ascending. Shapes: (N,)."""
    order = np.argsort(-np.asarray(run.popularity), kind="stable")
    return np.sort(order[:MAX_ITEMS]).astype(np.int64)


def _positions(rows: np.ndarray, seed: int) -> np.ndarray:
    """Return positions that are near each other for similar rows. Shapes: (N, d) -> (N, 2)."""
    require("sklearn", purpose="a map of items", extra="map")
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    num_rows, dim = rows.shape
    if num_rows < 4 or len(np.unique(rows, axis=0)) < 4:  # too few for neighbourhoods
        angle = 2 * np.pi * np.arange(num_rows) / num_rows
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    num_components = min(NUM_COMPONENTS, num_rows, dim)
    reduced = PCA(num_components, random_state=seed).fit_transform(rows)
    tsne = TSNE(
        init="pca" if num_components > 1 else "random",
        perplexity=min(PERPLEXITY, (num_rows - 1) / 3),
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(tsne.fit_transform(reduced))


def _clusters(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Return the cluster of each row, numbered by size, the largest first. Shapes: (N,)."""
    require("sklearn", purpose="a map of items", extra="map")
    from sklearn.cluster import KMeans

    rows = _unit_length(vectors)
    num_clusters = min(MAX_CLUSTERS, max(1, round((len(rows) / 2) ** 0.5)))
    num_clusters = min(num_clusters, len(np.unique(rows, axis=0)))
    labels = KMeans(num_clusters, n_init=4, random_state=seed).fit_predict(rows)
    order = np.argsort(-np.bincount(labels, minlength=num_clusters), kind="stable")
    return np.asarray(np.argsort(order)[labels])


def _scaled(xy: np.ndarray) -> np.ndarray:
    """Return positions scaled into the unit square, with their aspect ratio. Shapes: (N, 2)."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    span = float((high - low).max()) or 1.0
    return np.asarray((xy - (low + high) / 2) / span + 0.5, dtype=np.float32)


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))


def _path(run: Run, channel: str | None) -> Path:
    name = FUSED if channel is None else f"by-{quote(channel, safe='')}"
    return run.path / FOLDER / f"{name}.npz"
