"""FileEncoder: base class of the encoders whose weights are one file."""

from __future__ import annotations

from pathlib import Path

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

    def hashes(self) -> dict[str, str]:
        """Return the hash of the file."""
        return {"weights_sha256": sha256_of(self._path())}
