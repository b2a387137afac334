"""The popularity prior with which a trained model ranks best on the validation part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from mmgcn.data.dataset import Dataset
from mmgcn.data.interactions import Interactions
from mmgcn.evaluation import metrics
from mmgcn.evaluation.hits import Csr
from mmgcn.evaluation.ranking import Scorer, blocks, hits
from mmgcn.popularity_prior import log_popularity
from mmgcn.training.validation import sample_users, selection_metric

PRIORS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3)
MAX_WORSE = 2  # weights tried beyond the best one of a window
MAX_SCORES, MIN_USERS = 60_000_000, 1_000  # limits of the sample of validation users
RECENT = 0.1  # second window of the popularity prior, for interactions with timestamps


@dataclass(frozen=True, eq=False)
class ValidationSample:
    """Some validation users, whose recall chooses a recipe and its popularity prior.

    Args:
        k: length of the lists.

    Shapes:
        users: (V,).
    """

    users: np.ndarray
    relevant: Csr
    train: Interactions
    k: int

    @classmethod
    def of(cls, dataset: Dataset, *, seed: int) -> Self:
        """Return the users with a validation item, or as many as give MAX_SCORES scores."""
        relevant, num_items = dataset.split.valid.csr(), len(dataset.items)
        num_users = max(MIN_USERS, MAX_SCORES // num_items)
        users = sample_users(relevant, num_users, seed=seed)
        k = int(selection_metric(num_items).rpartition("@")[2])
        return cls(users, relevant, dataset.train, k)

    def recalls(self, scorer: Scorer, offsets: list[np.ndarray]) -> list[np.ndarray]:
        """Return each user's recall with each of the summands of the scores.

        Shapes:
            offsets: (I,) each; the result: (V,) each.
        """
        found: list[list[np.ndarray]] = [[] for _ in offsets]
        num_relevant = np.diff(self.relevant[0])
        seen = [self.train.csr()]
        for block in blocks(self.users, len(offsets[0])):
            scores = scorer(block)
            for values, offset in zip(found, offsets, strict=True):
                of_block = hits(scores + offset, block, relevant=self.relevant, seen=seen, k=self.k)
                values.append(metrics.recall(of_block, num_relevant[block]))
        return [np.concatenate(values) for values in found]


def best_prior(
    scorer: Scorer, sample: ValidationSample, *, scale: float, default: float
) -> tuple[dict[str, float], np.ndarray]:
    """Return the settings of the best popularity prior, and the recall of each user with it.

    A weight replaces the default if it is better by more than a standard error over the users.

    Args:
        scorer: scorer of the model without a prior.
        scale: score that adds 1 to a logit of the training loss.
        default: weight of the model's default prior.

    Shapes:
        the second result: (V,).
    """
    train = sample.train
    windows = [1.0] if train.timestamp is None else [1.0, RECENT]
    logarithm = {window: scale * log_popularity(train, window=window) for window in windows}
    candidates = [(weight, window) for window in windows for weight in PRIORS]
    offsets = [weight * logarithm[window] for weight, window in [(default, 1.0), *candidates]]
    before, *others = sample.recalls(scorer, offsets)
    best, values = {"popularity_prior": default, "popularity_window": 1.0}, before
    found = dict(zip(candidates, others, strict=True))
    for window in windows:
        peak, num_worse = -1.0, 0
        for weight in PRIORS:
            recall = found[weight, window]
            mean = float(recall.mean())
            peak, num_worse = (mean, 0) if mean > peak else (peak, num_worse + 1)
            if num_worse > MAX_WORSE:
                break
            if mean > values.mean() and gain_in_errors(recall, before) > 1:
                best = {"popularity_prior": weight, "popularity_window": window}
                values = recall
    return best, values


def best_lower_prior(
    scorer: Scorer, sample: ValidationSample, *, scale: float, most: float, window: float
) -> float:
    """Return the weight of a prior, up to `most`, with the best mean recall.

    Scores that are the mean of an ensemble differ less between items than those of one member, and
    rank best with a smaller prior.

    Args:
        scorer: scorer of the model without a prior.
        scale: score that adds 1 to a logit of the training loss.
    """
    weights = [most, *(weight for weight in reversed(PRIORS) if weight < most)]
    logarithm = scale * log_popularity(sample.train, window=window)
    recalls = sample.recalls(scorer, [weight * logarithm for weight in weights])
    return weights[int(np.argmax([recall.mean() for recall in recalls]))]


def gain_in_errors(values: np.ndarray, before: np.ndarray) -> float:
    """Return the mean gain of paired values, in standard errors. Shapes: (V,) each."""
    gain = values - before
    error = float(gain.std()) / math.sqrt(len(gain))
    return float(gain.mean()) / error if error else 0.0
