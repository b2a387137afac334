"""The kNN graph of items by their features, and the k largest entries of long rows."""

from __future__ import annotations

from hashlib import blake2b

import torch
from torch import Tensor
from torch.nn import functional

from mmgcn.data.nearest_rows import can_search, nearest_rows
from mmgcn.sparse import SparseProduct

BLOCK_ROWS, BLOCK_CELLS = 2_048, 1 << 25  # items compared with all others at once; 128 MiB
MAX_EXACT_ITEMS = 100_000  # with more, faiss searches if it is installed
NUM_PROBES = 32  # cells that faiss searches for the neighbours of an item
GROUP = 64  # width of the groups of columns whose maxima are compared first
_latest: dict[tuple[bytes, torch.Size, int], tuple[Tensor, Tensor, Tensor]] = {}  # at most one


def knn_graph(features: list[Tensor], num_neighbours: int) -> SparseProduct | None:
    """Return each item's nearest items by cosine over all modalities, rows summing to one.

    An item without any modality has no neighbours and is not a neighbour. Compares every pair, a
    block of rows at a time: I^2 D operations and I * num_neighbours entries. With more than 100,000
    items and the extra `ann`, the nearest cells of an index are searched instead (see `is_exact`).

    Args:
        features: one matrix per modality.

    Shapes:
        features: (I, D) each, rows of length one or zero.

    Returns:
        None if no item has a neighbour.
    """
    if not features or not num_neighbours:
        return None
    matrix = functional.normalize(torch.cat(features, dim=1))
    known, column, value = _nearest_once(matrix, num_neighbours)
    if not len(column):
        return None
    value = value / value.sum(dim=1, keepdim=True).clamp(min=1e-12)
    row = known.repeat_interleave(column.shape[1])
    return SparseProduct.of(row, column.flatten(), value.flatten(), (len(matrix), len(matrix)))


def symmetric_knn_graph(
    rows: Tensor, num_neighbours: int, *, binary: bool = False
) -> SparseProduct | None:
    """Return the kNN graph of items by cosine, with symmetric normalisation.

    The weight of an edge is divided by the square roots of the degrees of both its items.

    Args:
        binary: whether edges have weight 1 before normalisation, in place of the cosine.

    Shapes:
        rows: (I, D) of length one or zero.

    Returns:
        None if no item has a neighbour.
    """
    known, column, value = _nearest_once(rows, num_neighbours)
    if not len(column):
        return None
    if binary:
        value = torch.ones_like(value)
    degree = torch.zeros(len(rows))
    degree[known] = value.sum(dim=1)
    scale = torch.where(degree > 0, degree.rsqrt(), 0.0)
    weight = value * scale[known][:, None] * scale[column]
    row = known.repeat_interleave(column.shape[1])
    return SparseProduct.of(row, column.flatten(), weight.flatten(), (len(rows), len(rows)))


def nearest_items(rows: Tensor, num_neighbours: int) -> tuple[Tensor, Tensor]:
    """Return each item's nearest items and their cosines, negative ones as 0.

    Where an item has fewer neighbours, without features or in a tiny catalogue, the other positions
    contain the item itself and 0.

    Shapes:
        rows: (I, D) of length one or zero; the result: (I, num_neighbours) twice.
    """
    columns = torch.arange(len(rows))[:, None].repeat(1, num_neighbours)
    values = torch.zeros(len(rows), num_neighbours)
    known, column, value = _nearest(rows, num_neighbours)
    if len(column):
        k = column.shape[1]
        columns[known, :k], values[known, :k] = column, value
    return columns, values


def is_exact(num_items: int) -> bool:
    """Return whether the graph of a catalogue contains the true nearest items of every item."""
    return num_items <= MAX_EXACT_ITEMS or not can_search()


def _nearest_once(matrix: Tensor, num_neighbours: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return `_nearest`; the latest result is kept, for the trials and the training of a fit.

    Shapes:
        matrix: (I, D); the result as that of `_nearest`.
    """
    content = blake2b(matrix.numpy().tobytes()).digest()
    key = content, matrix.shape, num_neighbours
    if key not in _latest:
        search = _nearest if is_exact(len(matrix)) else _search_nearest
        result = search(matrix, num_neighbours)
        _latest.clear()
        _latest[key] = result
    return _latest[key]


def _nearest(matrix: Tensor, num_neighbours: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the items with features, their nearest items and the cosines, negative ones as 0.

    Shapes:
        matrix: (I, D); the result: (N,), (N, k) and (N, k); k is smaller in a tiny catalogue, and
        the latter two are empty if no item has a neighbour.
    """
    known = (matrix.abs().sum(dim=1) > 0).nonzero().squeeze(1)
    k = min(num_neighbours, len(known) - 1)
    if k < 1:
        return known, known.new_zeros(0, 0), matrix.new_zeros(0, 0)
    own = matrix[known]
    size = min(BLOCK_ROWS, max(1, BLOCK_CELLS // len(known)))
    columns, values = [], []
    for start in range(0, len(known), size):
        cosine = own[start : start + size] @ own.T
        index = torch.arange(len(cosine))
        cosine[index, start + index] = -torch.inf  # not itself
        value, column = top_k(cosine, k)
        columns.append(known[column])
        values.append(value.clamp(min=0))
    return known, torch.cat(columns), torch.cat(values)


def _search_nearest(matrix: Tensor, num_neighbours: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return `_nearest` from an index, which misses some neighbours.

    Shapes:
        matrix: (I, D); the result as that of `_nearest`.
    """
    known = (matrix.abs().sum(dim=1) > 0).nonzero().squeeze(1)
    found = nearest_rows(matrix[known].numpy(), num_neighbours + 1, num_probes=NUM_PROBES)
    value, column = torch.from_numpy(found[0]), torch.from_numpy(found[1])
    is_other = (column >= 0) & (column != torch.arange(len(known))[:, None])
    value = torch.where(is_other, value, -torch.inf)
    value, order = value.sort(dim=1, descending=True, stable=True)
    column = column.gather(1, order)[:, :num_neighbours].clamp(min=0)
    return known, known[column], value[:, :num_neighbours].clamp(min=0)


def top_k(rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest entries of each row, and their columns.

    The k largest lie in the k groups of columns whose maxima are largest, so that nearly all
    entries are compared once and never sorted: five times faster than torch.topk on rows of
    200,000.

    Shapes:
        rows: (N, C); the result: (N, k) twice.
    """
    num_groups = rows.shape[1] // GROUP
    if num_groups <= k:
        best = rows.topk(k, dim=1)
        return best.values, best.indices
    grouped = rows[:, : num_groups * GROUP].reshape(len(rows), num_groups, GROUP)
    groups = grouped.amax(dim=2).topk(k, dim=1).indices
    inside = groups[:, :, None] * GROUP + torch.arange(GROUP)  # (N, k, GROUP)
    rest = torch.arange(num_groups * GROUP, rows.shape[1]).expand(len(rows), -1)
    candidates = torch.cat([inside.flatten(1), rest], dim=1)
    best = rows.gather(1, candidates).topk(k, dim=1)
    return best.values, candidates.gather(1, best.indices)
