"""FileEncoder: base class of the encoders whose weights are one file."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

from extract.encoder import Encoder
from extract.weights import Weights, resolve, sha256_of


class FileEncoder(Encoder):
    """An encoder whose weights are one file.

    Attributes:
        siblings: further published weights that can be named.
    """

    siblings: tuple[Weights, ...] = ()

    def _path(self) -> Path:
        assert self.weights is not None, "a class attribute"
        return resolve(self.weights, self.given_weights, self.siblings)

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Settings other than the weights that change a row."""

    @property
    def provenance(self) -> dict[str, Any]:
        """Network, hash of the weights, and settings."""
        return {
            "encoder": self.name,
            "version": 1,
            "weights_sha256": sha256_of(self._path()),
            **self.settings,
        }
