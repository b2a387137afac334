"""FamilyEncoder: what the encoders of all families share."""

from __future__ import annotations

from extract.encoder import Encoder
from extract.family import Reference


class FamilyEncoder(Encoder):
    """An encoder of a model that a reference names.

    Attributes:
        family: name of its family: what stands before the colon.
        reference: the model.
    """

    family: str

    def __init__(self, weights: str | None = None) -> None:
        self.reference = Reference.parse(weights or "")
        super().__init__(str(self.reference))
        self.name = f"{self.family}:{self.reference.title}"
