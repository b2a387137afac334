"""Micro-video recommendation: data sets, MMGCN and other models, evaluation, ranked lists.

>>> from mmgcn import DataOptions, Recommender, evaluate, fit, load_dataset
>>> options = DataOptions("interactions.csv", features=("features",))
>>> dataset = load_dataset(options)  # doctest: +SKIP
>>> result = fit(dataset, model="mmgcn", out="runs")  # doctest: +SKIP
>>> evaluate(result.run)["recall@20"]  # doctest: +SKIP
>>> Recommender.load(result.run).recommend(["42"], k=10)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.publishing import push_to_hub
    from mmgcn.closed_form_model import ClosedFormModel
    from mmgcn.data.dataset import Dataset
    from mmgcn.data.interactions import Interactions
    from mmgcn.data.loading import load_dataset
    from mmgcn.data.options import DataOptions
    from mmgcn.evaluation.run_evaluation import evaluate
    from mmgcn.model import MODELS, Model
    from mmgcn.pretrained import from_pretrained, save_pretrained
    from mmgcn.report.ranked_lists import RankedLists
    from mmgcn.run import Run
    from mmgcn.serving.ranking_options import RankingOptions
    from mmgcn.serving.recommender import Recommender
    from mmgcn.training.fit import FitResult, fit

    __version__: str

__all__ = [
    "MODELS",
    "ClosedFormModel",
    "DataOptions",
    "Dataset",
    "FitResult",
    "Interactions",
    "Model",
    "RankedLists",
    "RankingOptions",
    "Recommender",
    "Run",
    "__version__",
    "evaluate",
    "fit",
    "from_pretrained",
    "load_dataset",
    "push_to_hub",
    "save_pretrained",
]

_MODULES = {
    "MODELS": "mmgcn.model",
    "ClosedFormModel": "mmgcn.closed_form_model",
    "DataOptions": "mmgcn.data.options",
    "Dataset": "mmgcn.data.dataset",
    "FitResult": "mmgcn.training.fit",
    "Interactions": "mmgcn.data.interactions",
    "Model": "mmgcn.model",
    "RankedLists": "mmgcn.report.ranked_lists",
    "RankingOptions": "mmgcn.serving.ranking_options",
    "Recommender": "mmgcn.serving.recommender",
    "Run": "mmgcn.run",
    "evaluate": "mmgcn.evaluation.run_evaluation",
    "fit": "mmgcn.training.fit",
    "from_pretrained": "mmgcn.pretrained",
    "load_dataset": "mmgcn.data.loading",
    "push_to_hub": "extract.publishing",
    "save_pretrained": "mmgcn.pretrained",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package is fast."""
    if name == "__version__":
        from importlib.metadata import version

        return version("mmgcn")
    from extract.lazy import import_name

    return import_name(__name__, _MODULES, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
