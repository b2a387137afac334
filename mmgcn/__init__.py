"""Micro-video recommendation: data sets, MMGCN and other models, evaluation, ranked lists.

>>> from mmgcn import Recommender, Source, evaluate, fit
>>> dataset = Source("interactions.csv", features=("features",)).dataset()  # doctest: +SKIP
>>> result = fit(dataset, model="mmgcn", out="runs")  # doctest: +SKIP
>>> evaluate(result.run)["recall@20"]  # doctest: +SKIP
>>> Recommender.load(result.run).recommend(["42"], k=10)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmgcn.data.dataset import Dataset
    from mmgcn.data.interactions import Interactions
    from mmgcn.data.source import Source
    from mmgcn.evaluation.run_evaluation import evaluate
    from mmgcn.model import MODELS, ClosedFormModel, Model
    from mmgcn.run import Run
    from mmgcn.serving.ranking_options import RankingOptions
    from mmgcn.serving.recommender import Recommender
    from mmgcn.training.fit import FitResult, fit

    __version__: str

__all__ = [
    "MODELS",
    "ClosedFormModel",
    "Dataset",
    "FitResult",
    "Interactions",
    "Model",
    "RankingOptions",
    "Recommender",
    "Run",
    "Source",
    "__version__",
    "evaluate",
    "fit",
]

_MODULES = {
    "MODELS": "mmgcn.model",
    "ClosedFormModel": "mmgcn.model",
    "Dataset": "mmgcn.data.dataset",
    "FitResult": "mmgcn.training.fit",
    "Interactions": "mmgcn.data.interactions",
    "Model": "mmgcn.model",
    "RankingOptions": "mmgcn.serving.ranking_options",
    "Recommender": "mmgcn.serving.recommender",
    "Run": "mmgcn.run",
    "Source": "mmgcn.data.source",
    "evaluate": "mmgcn.evaluation.run_evaluation",
    "fit": "mmgcn.training.fit",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: importing the package stays light."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(_MODULES[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("mmgcn")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
