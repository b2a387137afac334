"""Modality: one kind of content of a video, such as its frames, audio or text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from extract.config import Reads
from extract.registry import Registry

Pooling = Literal["mean", "max", "mean_std", "first"]
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True)
class Modality:
    """One kind of content of a video, and the encoders for it.

    Args:
        name: name in options, and of its folder in the store, such as "visual".
        letter: short name, such as "v".
        description: the aspect of a video that it describes, for the user.
        encoders: names of its encoders; another encoder can be requested by name.
        presets: encoder of each preset, as NAME or NAME:WEIGHTS.
        pooling: how the (T, D) rows of a video become one vector for the model.
        reads: input of its encoders, needed if all of `encoders` are families; by default that of
            the first one that is not a family.

    Raises:
        ValueError: a name that is not valid for a folder and an option, no encoder, a preset whose
            encoder is not one of `encoders`, an unknown pooling, or an unknown input.
    """

    name: str
    letter: str
    description: str
    encoders: tuple[str, ...]
    presets: Mapping[str, str]
    pooling: Pooling = "mean"
    reads: Reads | None = None

    def __post_init__(self) -> None:
        for name in (self.name, self.letter):
            if not PLAIN_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is not a valid name of a modality; use a lower-case letter, then "
                    "lower-case letters, digits, _ and -"
                )
        if not isinstance(self.encoders, tuple) or not self.encoders:
            raise ValueError(
                f"modality '{self.name}' has the encoders {self.encoders!r}; expected a tuple "
                'of one or more names, such as ("resnet50",)'
            )
        if self.pooling not in get_args(Pooling):
            raise ValueError(
                f"modality '{self.name}' has the pooling '{self.pooling}'; "
                f"known: {', '.join(get_args(Pooling))}"
            )
        if self.reads not in (None, *get_args(Reads)):
            raise ValueError(
                f"modality '{self.name}' reads '{self.reads}'; known: {', '.join(get_args(Reads))}"
            )
        for preset, encoder in self.presets.items():
            if encoder.partition(":")[0] not in self.encoders:
                raise ValueError(
                    f"preset '{preset}' of modality '{self.name}' names the encoder '{encoder}', "
                    f"which is not one of its encoders: {', '.join(self.encoders)}"
                )

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names of the modality in the registry."""
        return (self.letter,)


MODALITIES: Registry[Modality] = Registry(
    "modality", package="extract.modalities", group="mmgcn.modalities", base=Modality
)
