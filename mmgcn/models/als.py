"""ALS: matrix factorisation of implicit feedback by alternating least squares, from `implicit`.

With p_ui = 1 and c_ui = `confidence` where user u watched item i, p_ui = 0 and c_ui = 1 elsewhere,
and lambda = `l2_reg` sqrt(U I), so that one setting suits data of different sizes:

    minimise  sum over u, i of c_ui (p_ui - x_u . y_i)^2  +  lambda (sum |x_u|^2 + sum |y_i|^2)
    score = x_u . y_i

alternately in x and in y, `num_iterations` times each. A step costs O(E d^2).

Shapes: x: (U, d); y: (I, d).

On the validation parts it reaches a recall@20 of about 0.103 (TikTok of MMSSL) and 0.073 (Amazon
Baby, ids alone), with confidence and l2_reg chosen there, once for all data; for artists of Last.fm
2K twice the l2_reg is better (0.421).

The initial vectors are drawn with a fixed seed, so that the solution depends only on the data.

Source: Hu, Koren, Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008, as
implemented by Frederickson's library `implicit` (extra `als`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from extract.extras import require
from mmgcn.channels import ID
from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.config import Config, positive
from mmgcn.data.dataset import Dataset
from mmgcn.recommender_model import Embeddings

SEED = 0  # of the initial vectors


@dataclass(frozen=True)
class ALSConfig(Config):
    """Settings of ALS."""

    dim: int = positive(64)
    """Width of the vectors."""
    confidence: float = positive(30.0)
    """Weight of an interaction relative to a pair without one."""
    l2_reg: float = 0.025
    """L2 regularisation of the vectors, relative to the square root of users times items."""
    num_iterations: int = positive(15)
    """Number of iterations; each solves for the user vectors and for the item vectors."""


class ALS(ClosedFormModel[ALSConfig]):
    """Matrix factorisation by alternating least squares, without features.

    Raises:
        ImportError: `implicit` is not installed; the message names the extra.
    """

    name: ClassVar[str] = "als"
    uses_features: ClassVar[bool] = False

    def __init__(self, dataset: Dataset, config: ALSConfig) -> None:
        super().__init__(dataset, config)
        require("implicit", purpose="the model als", extra="als")
        from implicit.cpu.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix
        from threadpoolctl import threadpool_limits

        indptr, indices = dataset.train.csr()
        watched = csr_matrix(
            (np.ones(len(indices), dtype=np.float32), indices, indptr),
            shape=(self.num_users, self.num_items),
        )
        solver = AlternatingLeastSquares(
            factors=config.dim,
            alpha=config.confidence,
            regularization=config.l2_reg * (self.num_users * self.num_items) ** 0.5,
            iterations=config.num_iterations,
            random_state=SEED,
        )
        with threadpool_limits(1, "blas"):  # `implicit` has its own threads
            solver.fit(watched, show_progress=False)
        self._user = np.asarray(solver.user_factors, dtype=np.float32)
        self._item = np.asarray(solver.item_factors, dtype=np.float32)

    def embeddings(self) -> Embeddings:
        """Return x and y. Shapes: (U, d) and (I, d)."""
        return Embeddings(self._user, {ID: self._item})


MODEL = ALS
