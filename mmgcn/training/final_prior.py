"""The popularity prior of a model that was trained with a chosen recipe."""

from __future__ import annotations

from dataclasses import replace

from mmgcn.data.dataset import Dataset
from mmgcn.evaluation.ranking import factor_scorer
from mmgcn.training.best_prior import ValidationSample, best_lower_prior
from mmgcn.training.recipe import Recipe
from mmgcn.training.trainer import Trainer


def with_final_prior(recipe: Recipe, trainer: Trainer, dataset: Dataset, *, seed: int) -> Recipe:
    """Choose the popularity prior of the trained model, at most that of the recipe's trial.

    The trial had one ensemble member; the scores of the whole ensemble rank best with less. The
    model has the prior afterwards.

    Returns:
        The recipe with that prior.
    """
    model = trainer.model
    model.set_prior(dataset.train, 0.0)
    embeddings = trainer.embeddings()
    if embeddings is not None:  # the main process
        weight = best_lower_prior(
            factor_scorer(embeddings.user, embeddings.item),
            ValidationSample.of(dataset, seed=seed),
            scale=model.prior_scale,
            most=recipe.settings["popularity_prior"],
            window=recipe.settings["popularity_window"],
        )
        recipe = replace(recipe, settings={**recipe.settings, "popularity_prior": weight})
    recipe = trainer.group.broadcast(recipe)
    model.set_prior(dataset.train, recipe.settings["popularity_prior"])
    return recipe
