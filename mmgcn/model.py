"""The contract of a recommender model, its settings, and MODELS."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn
from torch.nn import functional

from extract.registry import Registry
from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.neighbourhood import NeighbourSampler
from mmgcn.training import losses
from mmgcn.training.sampling import Batch, Sampler

if TYPE_CHECKING:
    import numpy as np


ID = "id"  # the channel of what is known of an item beside its content
WHOLE_GRAPH_EDGES = 500_000  # from about here on a sampled pass takes less time than a whole one


class SettingError(ValueError):
    """A setting that a model does not have, or a value that it cannot take."""


@dataclass(frozen=True)
class Training:
    """How a model is trained. Models give other defaults and add their own fields."""

    loss: Literal["softmax", "bpr"] = "softmax"
    """Sampled softmax over shared negatives, or BPR with one negative for each interaction."""
    similarity: Literal["cosine", "dot"] = "cosine"
    """What a score is, in training and in ranking: of normalised vectors, or of plain ones."""
    temperature: float = 0.2
    """Scores are divided by it before the softmax. Small values look at the hardest negatives."""
    num_negatives: int = 1024
    """Items, uniformly drawn, that a batch shares; for BPR always one for each interaction."""
    negatives: Literal["all", "watched"] = "all"
    """Which items may be negatives: `all` takes it as evidence that nobody has watched an item,
    `watched` leaves new items to their content."""
    batch_size: int = 2048
    """Interactions that a step learns from."""
    user_balance: float = 0.0
    """Interactions are drawn with weight degree(user)^-user_balance."""
    learning_rate: float = 2e-3
    """Of AdamW, at the start."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Of the learning rate; cosine lets it fall to a fiftieth by the last epoch."""
    penalty: float = 0.0
    """Weight of the mean squared length of the batch's user and item vectors."""
    weight_decay: float = 0.0
    """Of every parameter, decoupled from the gradient (AdamW); 0 is Adam."""
    epochs: int = 40
    """At most; an epoch draws as many interactions as there are, and takes 20 steps or more."""
    eval_every: int = 1
    """Epochs between two looks at the validation part."""
    eval_steps: int = 0
    """Steps between two looks, in place of epochs; 0 goes by eval_every."""
    patience: int = 10
    """How many looks without a better validation figure end the training."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if not math.isfinite(value) or value < 0:
                raise SettingError(f"{field.name} is {value}; it must be at least 0, and finite")
            if field.name in _POSITIVE and value == 0:
                raise SettingError(f"{field.name} is {value}; it must be positive")

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Self:
        """Return the settings with some changed; values may be text, as from a command line.

        Raises:
            SettingError: an unknown name (the nearest is given), or a value of another type.

        >>> Training.read({"batch_size": "64"}).batch_size
        64
        """
        hints = get_type_hints(cls)
        names = [field.name for field in dataclasses.fields(cls)]
        for name in settings:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"
                raise SettingError(f"no setting is called '{name}'{hint}")
        return cls(**{name: _value(name, hints[name], v) for name, v in settings.items()})


_POSITIVE = (
    *("temperature", "num_negatives", "batch_size", "learning_rate", "epochs", "eval_every"),
    *("patience", "dim", "num_neighbours", "num_members"),
)


@dataclass(frozen=True)
class GraphTraining(Training):
    """How a model is trained that passes over the graph."""

    passes: Literal["auto", "whole", "sampled"] = "auto"
    """Whether a step computes the whole graph, or what its batch hears of a few drawn neighbours;
    auto samples where the graph has more than 500,000 interactions."""
    num_neighbours: int = 10
    """How many neighbours each node hears in a sampled pass."""

    def sampler(self, graph: BipartiteGraph, generator: torch.Generator) -> NeighbourSampler:
        """Return what says which part of the graph a step computes."""
        large = len(graph.to_users.matrix.column) > WHOLE_GRAPH_EDGES
        sampled = self.passes == "sampled" or (self.passes == "auto" and large)
        return NeighbourSampler(graph, self.num_neighbours if sampled else None, generator)


@dataclass(eq=False)
class Embeddings:
    """What a trained model is outside torch: scores are inner products of rows.

    Shapes:
        user: (U, d) float32; item_parts: for each channel (I, d) float32. An item is the sum of
        its parts, so what each part contributes to a score adds up to it.
    """

    user: np.ndarray
    item_parts: dict[str, np.ndarray]

    @property
    def item(self) -> np.ndarray:
        """Shapes: (I, d) float32."""
        parts = list(self.item_parts.values())
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        return total


class Model(nn.Module, ABC):
    """A recommender: built from a data set, trained by batches, read out as embeddings.

    Subclasses say how users and items are represented; training, ranking and storing are shared.

    Class attributes:
        name: as in the registry.
        Settings: its settings, a `Training` with fields of its own.
        needs_features: it cannot do without at least one modality.
        closed_form: it is solved, not trained: it has no epochs.
        unheeded: which settings of training it does not look at, and why.
        user_tables: patterns of the names of its parameters with a row for each user; all else is
            about items. None where it cannot be trained in parts, by several processes.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    Settings: ClassVar[type[Training]] = Training
    needs_features: ClassVar[bool] = False
    closed_form: ClassVar[bool] = False
    unheeded: ClassVar[Mapping[str, str]] = {}
    user_tables: ClassVar[tuple[str, ...] | None] = None

    share_done: float = 0.0
    """How much of the training lies behind; set before each step."""
    num_cycles: int = 1
    """How often a cosine schedule of the learning rate starts anew."""

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__()
        self.settings = settings
        self.num_users, self.num_items = len(dataset.users), len(dataset.items)
        self.generator = generator
        if self.needs_features and not dataset.features:
            raise SettingError(
                f"the model {self.name} needs features; extract some, or pass "
                "--features NAME=FILE.npy, or take a model without: lightgcn, popularity"
            )
        for name in dataset.features:
            if name == ID or "." in name or hasattr(nn.ModuleDict(), name):
                raise SettingError(
                    f"no modality can be called '{name}', which has another meaning in a model; "
                    f"rename it, such as --features my_{name.replace('.', '_')}=FILE.npy"
                )

    @abstractmethod
    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the vectors of all users and all items.

        Shapes:
            the result: (U, d) and (I, d).
        """

    def item_parts(self) -> dict[str, Tensor]:
        """Return what the item vectors are the sum of, by channel. Shapes: each (I, d)."""
        return {ID: self.forward()[1]}

    def rows(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors of some users and items. Shapes: (B, d) and (N, d)."""
        user, item = self()
        # Not user[user_index], whose backward adds up in another order each time.
        return functional.embedding(user_index, user), functional.embedding(item_index, item)

    def draw(self, sampler: Sampler) -> Batch:
        """Draw what one step learns from."""
        if self.settings.loss == "bpr":
            return sampler.pairwise(self.settings.batch_size)
        return sampler.shared(self.settings.batch_size, self.settings.num_negatives)

    def loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch. Shapes: ()."""
        settings = self.settings
        size = len(batch.item_index)
        user, items = self.rows(
            batch.user_index, torch.cat([batch.item_index, batch.negative_index])
        )
        penalty = user.square().sum(1).mean() + items[:size].square().sum(1).mean()
        if settings.similarity == "cosine":
            user, items = functional.normalize(user), functional.normalize(items)
        positive, negative = items[:size], items[size:]
        if batch.watched is None:
            value = losses.bpr((user * positive).sum(dim=1), (user * negative).sum(dim=1))
        else:
            value = losses.sampled_softmax(
                user, positive, negative, batch.watched, temperature=settings.temperature
            )
        if settings.penalty:
            value = value + settings.penalty * penalty
        return value

    @classmethod
    def setting_names(cls) -> list[str]:
        """Return what there is to set: its own first, then what all trained models have.

        Each is taken by `read_settings`, and no other is.
        """
        own = [
            name
            for kind in cls.Settings.__mro__
            if issubclass(kind, Training) and kind is not Training
            for name in inspect.get_annotations(kind)
        ]
        if cls.closed_form:  # its scores are the inner products that it was solved for
            return [name for name in own if name != "similarity"]
        names = dict.fromkeys([*own, *(field.name for field in dataclasses.fields(Training))])
        return [name for name in names if name not in cls.unheeded]

    @classmethod
    def read_settings(cls, given: Mapping[str, Any]) -> Training:
        """Return the model's settings with some changed; values may be text.

        Raises:
            SettingError: an unknown name, one that the model does not look at, or a value of
                another type.
        """
        settings = cls.Settings.read(given)
        for name in given:
            if name in cls.unheeded:
                raise SettingError(f"{cls.name} does not look at {name}: {cls.unheeded[name]}")
        unheeded = [name for name in given if name not in cls.setting_names()]
        if unheeded:
            has = ", ".join(cls.setting_names())
            raise SettingError(
                f"{cls.name} is solved, not trained: it does not look at {', '.join(unheeded)}; "
                f"it has {has or 'nothing to set'}"
            )
        return settings

    @torch.no_grad()
    def embeddings(self) -> Embeddings:
        """Return what ranks as the model does: with cosine similarity, vectors of length one."""
        training = self.training
        self.eval()
        user = self()[0]
        parts = self.item_parts()
        if self.settings.similarity == "cosine":
            user = functional.normalize(user)
            length = torch.stack(list(parts.values())).sum(0).norm(dim=1, keepdim=True)
            parts = {name: part / length.clamp(min=1e-12) for name, part in parts.items()}
        self.train(training)
        return Embeddings(
            user.float().cpu().numpy(),
            {name: part.float().cpu().numpy() for name, part in parts.items()},
        )


MODELS: Registry[type[Model]] = Registry("model", package="mmgcn.models", group="mmgcn.models")


def table(
    num_rows: int, width: int, generator: torch.Generator, *, scale: float | None = None
) -> nn.Parameter:
    """Return a trained table of normal values, of Glorot's scale unless told otherwise.

    Shapes:
        the result: (num_rows, width).
    """
    deviation = scale if scale is not None else (2 / (num_rows + width)) ** 0.5
    return nn.Parameter(torch.randn(num_rows, width, generator=generator) * deviation)


def standardised(features: np.ndarray, present: np.ndarray) -> Tensor:
    """Return features with mean 0 and deviation 1 in each column, over the items that have them.

    Shapes:
        features: (I, D); present: (I,) bool; the result: (I, D), zero where absent.
    """
    values = torch.from_numpy(features).float()
    has = torch.from_numpy(present)
    if not has.any():
        return torch.zeros_like(values)
    known = values[has]
    deviation = known.std(dim=0, unbiased=False)
    # A column that never changes (up to rounding) tells nothing.
    scale = torch.where(deviation > 1e-6, deviation, torch.inf)
    return torch.where(has[:, None], (values - known.mean(dim=0)) / scale, torch.zeros(()))


def _value(name: str, hint: Any, given: Any) -> Any:
    """Turn what was given into what the setting holds."""
    if get_origin(hint) is Literal:
        if given not in get_args(hint):
            known = ", ".join(map(str, get_args(hint)))
            raise SettingError(f"{name} is '{given}'; known: {known}")
        return given
    if hint is bool:
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        if isinstance(given, bool):
            return given
        if str(given).lower() not in words:
            raise SettingError(f"{name} is '{given}'; it takes true or false")
        return words[str(given).lower()]
    try:
        value = hint(given)
        if hint is int and value != float(given):
            raise ValueError("not whole")
        return value
    except (TypeError, ValueError, OverflowError) as error:
        raise SettingError(f"{name} is '{given}'; it takes {hint.__name__} values") from error
