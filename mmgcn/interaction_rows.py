"""InteractionRows: rows of the interaction matrix as user vectors, computed on access."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Csr = tuple[np.ndarray, np.ndarray]  # indptr (U + 1,), indices (E,)


class InteractionRows:
    """User vectors of an item-item model: 1 where a user watched an item in training, 0 elsewhere.

    Indexed like a (U, I) float32 array, but rows are computed on access, so that memory does not
    grow with users times items. The row of a user without interactions is the mean of the others.

    Shapes:
        interactions: indptr (U + 1,) and indices (E,), the items of user 0, then of user 1, ...
    """

    def __init__(self, interactions: Csr, num_items: int) -> None:
        self._indptr, self._indices = interactions
        self.shape = (len(self._indptr) - 1, num_items)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | np.ndarray) -> np.ndarray:
        """Return some rows. Shapes: index: (), or (B,), or a slice; the result: (I,) or (B, I)."""
        users = np.arange(len(self))[index]
        if users.ndim == 0:
            return np.asarray(self[users[None]][0])
        rows = self.binary(users)
        without = self._indptr[users] == self._indptr[users + 1]
        if without.any():
            rows[without] = self.mean()
        return rows

    def binary(self, user_index: np.ndarray) -> np.ndarray:
        """Return some rows, zero where a user has no interactions. Shapes: (B,) -> (B, I)."""
        starts = self._indptr[user_index]
        counts = self._indptr[user_index + 1] - starts
        rows = np.zeros((len(user_index), self.shape[1]), dtype=np.float32)
        of_row = np.repeat(np.arange(len(user_index)), counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows[of_row, self._indices[np.repeat(starts, counts) + offset]] = 1
        return rows

    def degree(self) -> np.ndarray:
        """Return the number of items of each user. Shapes: (U,) int64."""
        return np.asarray(np.diff(self._indptr))

    def count(self) -> np.ndarray:
        """Return the number of users of each item. Shapes: (I,) int64."""
        counts: np.ndarray = np.bincount(self._indices, minlength=self.shape[1])
        return counts

    def mean(self) -> np.ndarray:
        """Return the mean over the users with interactions. Shapes: (I,) float64."""
        mean: np.ndarray = self.count() / max(np.count_nonzero(self.degree()), 1)
        return mean

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows as one array."""
        del copy
        return np.asarray(self[:], dtype=dtype)
