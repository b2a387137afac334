"""Withheld: what a finished run is tested on, and how well it ranks that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmgcn.data.interactions import Interactions
from mmgcn.evaluation.ranking import Csr, Scorer, evaluate, factor_scorer, lengths
from mmgcn.run import Run

POPULAR = "most popular"


@dataclass(eq=False)
class Withheld:
    """The test part of a run: that of its own, or a table that came later.

    All of it counts, also users and items that the run does not know. Such a user is taken to be
    like the mean of those with training interactions, as `fit` takes users of whom training knows
    nothing; such an item stands in no list. U users and I items are the run's, then the unknown
    ones.

    Args:
        relevant: what is to be found.
        seen: what is left out of the lists: the training and the validation part.
        num_users, num_items: U and I.

    `notes` say what a person should know.
    """

    run: Run
    relevant: Csr
    seen: list[Csr]
    num_users: int
    num_items: int
    notes: list[str] = field(default_factory=list)

    @classmethod
    def own(cls, run: Run) -> Withheld:
        """Return what the run has withheld; it may be nothing."""
        seen = [run.csr("seen"), run.csr("valid")]
        return cls(run, run.csr("test"), seen, len(run.users), len(run.items))

    @classmethod
    def given(cls, run: Run, table: Interactions) -> Withheld:
        """Return a table as test part, without the pairs that the run was made of.

        No list holds those: they would only make the figures worse. `fit` leaves them out, too.
        """
        users, items = run.users.joined(table.users.ids), run.items.joined(table.items.ids)
        table = table.relabelled(users, items)
        notes = list(table.notes)
        known = np.zeros(len(table), dtype=bool)
        seen = []
        for indptr, indices in (run.csr("seen"), run.csr("valid")):
            # Unknown users have seen nothing: indptr = [0, 2, 3] -> [0, 2, 3, 3]
            whole = np.pad(indptr, (0, len(users) - len(run.users)), mode="edge")
            of_user = np.repeat(np.arange(len(users)), np.diff(whole))
            known |= np.isin(table.pair_keys(), of_user * len(items) + indices)
            seen.append((whole, indices))
        if known.any():
            notes.append(
                f"{known.sum():,} of {len(known):,} test pairs are in the run's training or "
                "validation part; they were left out"
            )
            table = table.take(~known)
        strange_user = table.user_index >= len(run.users)
        strange_item = table.item_index >= len(run.items)
        if (strange := strange_user | strange_item).any():
            notes.append(
                f"{strange.sum():,} of {len(table):,} test interactions have a user "
                f"({strange_user.sum():,}) or an item ({strange_item.sum():,}) that the run does "
                "not know; they count in the figures"
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
        """Training interactions of each item. Shapes: (I,)."""
        return np.pad(self.run.popularity, (0, self.num_items - len(self.run.items)))

    def scorers(self) -> dict[str, Scorer]:
        """Return the scorer of the run by its model's name, and that of the most popular items."""
        popularity = self.run.popularity.astype(np.float32)
        return {
            self.model: self._wider(self._scorer()),
            POPULAR: self._wider(lambda users: popularity[None].repeat(len(users), axis=0)),
        }

    def figures(
        self, name: str | None = None, *, ks: Sequence[int] | None = None
    ) -> dict[str, float]:
        """Return how well one of the scorers ranks, by default that of the run, as `recall@20`.

        Nothing where nothing is withheld.

        Args:
            ks: by default the lengths that the run has items for.

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
            ks=ks or lengths(len(self.run.items)),
        )
        return {metric: float(value) for metric, value in values.items()}

    def _scorer(self) -> Scorer:
        """Return the scorer of the run's own items, unknown users included."""
        run, num_known = self.run, len(self.run.users)
        if self.num_users == num_known:
            return factor_scorer(run.user, run.item)
        mean = run.mean_user()

        def score(users: np.ndarray) -> np.ndarray:
            rows = np.array(run.user[np.minimum(users, num_known - 1)])
            rows[users >= num_known] = mean
            return np.asarray(rows @ run.item.T)

        return score

    def _wider(self, scorer: Scorer) -> Scorer:
        """Return the scorer with a place for each unknown item, which is in no list."""
        num_unknown = self.num_items - len(self.run.items)
        if num_unknown == 0:
            return scorer
        wider = ((0, 0), (0, num_unknown))
        return lambda users: np.pad(scorer(users), wider, constant_values=-np.inf)
