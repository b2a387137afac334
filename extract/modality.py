"""Modality: one way in which a video can be known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from extract.registry import Registry

Pooling = Literal["mean", "max", "mean_std", "first"]
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True)
class Modality:
    """One way in which a video can be known, and the encoders that know it so.

    Args:
        name: what it is called in options, and its folder in the store, "visual".
        letter: its short name, "v".
        description: what it tells of a video, for a person.
        encoders: names of encoders that serve it; any other encoder may be asked for by name.
        presets: for each preset, the encoder it uses, as NAME or NAME:WEIGHTS.
        pooling: how the (T, D) rows of a video become one vector for the model.

    Raises:
        ValueError: a name that cannot be a folder's and an option's, no encoder, a preset of an
            encoder that it does not have, or an unknown pooling.
    """

    name: str
    letter: str
    description: str
    encoders: tuple[str, ...]
    presets: Mapping[str, str]
    pooling: Pooling = "mean"

    def __post_init__(self) -> None:
        for name in (self.name, self.letter):
            if not PLAIN_NAME.fullmatch(name):
                raise ValueError(
                    f"a modality cannot be called {name!r}; take small letters, then digits, _ and "
                    "- as you like"
                )
        if not isinstance(self.encoders, tuple) or not self.encoders:
            raise ValueError(
                f"modality '{self.name}' has the encoders {self.encoders!r}; name one or "
                'more in a tuple, such as ("resnet50",)'
            )
        if self.pooling not in get_args(Pooling):
            raise ValueError(
                f"modality '{self.name}' pools by '{self.pooling}'; "
                f"known: {', '.join(get_args(Pooling))}"
            )
        for preset, encoder in self.presets.items():
            if encoder.partition(":")[0] not in self.encoders:
                raise ValueError(
                    f"preset '{preset}' of modality '{self.name}' names the encoder '{encoder}', "
                    f"which is none of its encoders: {', '.join(self.encoders)}"
                )

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names by which the registry knows it."""
        return (self.letter,)


MODALITIES: Registry[Modality] = Registry(
    "modality", package="extract.modalities", group="mmgcn.modalities", base=Modality
)
