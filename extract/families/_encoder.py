"""FamilyEncoder and MeasuredEncoder: base classes of the encoders of families."""

from __future__ import annotations

from abc import abstractmethod

from extract.config import Precision
from extract.encoder import Encoder
from extract.families._network import FrozenNetwork, Measures
from extract.family import Reference


class FamilyEncoder(Encoder):
    """An encoder of a model that a reference names.

    Attributes:
        family: name of its family, used before the colon.
        reference: the model.
    """

    family: str

    def __init__(self, weights: str | None = None) -> None:
        self.reference = Reference.parse(weights or "")
        super().__init__(str(self.reference))
        self.name = f"{self.family}:{self.reference.title}"


class MeasuredEncoder(FamilyEncoder):
    """An encoder whose width and batch size are measured on its network, without weights."""

    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    _network: FrozenNetwork

    @property
    @abstractmethod
    def _measures(self) -> Measures:
        """Width and memory of the network."""

    @property
    def dim(self) -> int:  # type: ignore[override]  # known once the network is built
        """Width of the rows."""
        return self._measures.width

    @property
    def batch_units(self) -> int:  # type: ignore[override]
        """Number of units in a batch: as many as fit 256 MiB of activations, at most 16."""
        return self._measures.batch_units

    @property
    def cosine(self) -> float | None:
        """See `Encoder`."""
        return self._network.cosine
