"""HeldOut: the test interactions of a run, and its metrics on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmgcn.data.interactions import Interactions
from mmgcn.evaluation.hits import Csr
from mmgcn.evaluation.ranking import Metric, Scorer, evaluate, factor_scorer, list_lengths
from mmgcn.run import Run

POPULAR = "most popular"


@dataclass(eq=False)
class HeldOut:
    """The test part of a run: its own, or another table.

    All interactions count, including those of users and items that are not in the run. An unknown
    user has the mean vector of the users with training interactions, as in `fit`; an unknown item
    is in no list. The U users and I items are those of the run, followed by the unknown ones.

    Args:
        relevant: test items of each user.
        seen: items excluded from the lists: those of the training and validation parts.
        num_users, num_items: U and I.
        notes: remarks for the user.
    """

    run: Run
    relevant: Csr
    seen: list[Csr]
    num_users: int
    num_items: int
    notes: list[str] = field(default_factory=list)

    @classmethod
    def own(cls, run: Run) -> HeldOut:
        """Return the run's own test part, which may be empty."""
        seen = [run.csr("seen"), run.csr("valid")]
        return cls(run, run.csr("test"), seen, len(run.users), len(run.items))

    @classmethod
    def given(cls, run: Run, table: Interactions) -> HeldOut:
        """Return a table as test part, without pairs of the run's training and validation parts.

        Such pairs are in no list and would only lower the metrics. `fit` also leaves them out.
        """
        users, items = run.users.joined(table.users.ids), run.items.joined(table.items.ids)
        table = table.relabelled(users, items)
        notes = list(table.notes)
        known = np.zeros(len(table), dtype=bool)
        seen = []
        for indptr, indices in (run.csr("seen"), run.csr("valid")):
            # Unknown users have no seen items: indptr = [0, 2, 3] -> [0, 2, 3, 3]
            extended = np.pad(indptr, (0, len(users) - len(run.users)), mode="edge")
            user = np.repeat(np.arange(len(users)), np.diff(extended))
            known |= np.isin(table.pair_keys(), user * len(items) + indices)
            seen.append((extended, indices))
        if known.any():
            notes.append(
                f"{known.sum():,} of {len(known):,} test pairs are in the run's training or "
                "validation part; they were left out"
            )
            table = table.take(~known)
        unknown_user = table.user_index >= len(run.users)
        unknown_item = table.item_index >= len(run.items)
        if (unknown := unknown_user | unknown_item).any():
            notes.append(
                f"{unknown.sum():,} of {len(table):,} test interactions have a user "
                f"({unknown_user.sum():,}) or an item ({unknown_item.sum():,}) that is "
                "not in the run; they count in the metrics"
            )
        return cls(run, table.csr(), seen, len(users), len(items), notes)

    def __len__(self) -> int:
        return len(self.relevant[1])

    @property
    def model(self) -> str:
        """The name of the run's model."""
        return str(self.run.config["model"])

    @property
    def popularity(self) -> np.ndarray:
        """Number of training interactions of each item. Shapes: (I,)."""
        return np.pad(self.run.popularity, (0, self.num_items - len(self.run.items)))

    def scorers(self) -> dict[str, Scorer]:
        """Return the scorers of the run and of the most popular items, by name."""
        popularity = self.run.popularity.astype(np.float32)
        return {
            self.model: self._padded(self._scorer()),
            POPULAR: self._padded(lambda users: popularity[None].repeat(len(users), axis=0)),
        }

    def metrics(
        self,
        name: str | None = None,
        *,
        ks: Sequence[int] | None = None,
        more_metrics: Sequence[Metric] = (),
    ) -> dict[str, float]:
        """Return the metrics of a scorer, by names such as `recall@20`; empty without a test part.

        Args:
            name: name of the scorer; by default that of the run.
            ks: list lengths; by default those of `ranking.KS` up to the number of items.
            more_metrics: see `ranking.evaluate`.

        Raises:
            ValueError: see `ranking.evaluate`.
        """
        if len(self) == 0:
            return {}
        values = evaluate(
            self.scorers()[name or self.model],
            num_items=self.num_items,
            relevant=self.relevant,
            seen=self.seen,
            ks=ks or list_lengths(len(self.run.items)),
            more_metrics=more_metrics,
        )
        return {metric: float(value) for metric, value in values.items()}

    def _scorer(self) -> Scorer:
        """Return the scorer of the run's items, for known and unknown users."""
        run, num_known = self.run, len(self.run.users)
        if self.num_users == num_known:
            return factor_scorer(run.user, run.item)
        mean = run.mean_user()

        def score(users: np.ndarray) -> np.ndarray:
            rows = np.array(run.user[np.minimum(users, num_known - 1)])
            rows[users >= num_known] = mean
            return np.asarray(rows @ run.item.T)

        return score

    def _padded(self, scorer: Scorer) -> Scorer:
        """Return the scorer with -inf for each unknown item, which is then in no list."""
        num_unknown = self.num_items - len(self.run.items)
        if num_unknown == 0:
            return scorer
        padding = ((0, 0), (0, num_unknown))
        return lambda users: np.pad(scorer(users), padding, constant_values=-np.inf)
