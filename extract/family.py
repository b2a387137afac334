"""Family: a library whose models are encoders by their own names."""

from __future__ import annotations

import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from extract.config import Reads
from extract.encoder import ENCODERS, Encoder
from extract.modality import Modality
from extract.registry import Registry, UnknownName

LAYER = re.compile(r"-?\d+|[A-Za-z_][\w.]*")


class UnknownModel(LookupError):
    """A library has no model or layer with that name; the message contains the nearest names."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"{what} is called '{name}'{hint}")
        self.name, self.known = name, known


@dataclass(frozen=True)
class Reference:
    """A model of a family, as on the command line after the colon: NAME[:WEIGHTS][@LAYER].

    Paths that exist are absolute, so that a process with another working folder finds them.

    Args:
        name: name of the model in its library or on its hub, or path of a local folder.
        weights: name or path of weights to use instead of those that belong to the name.
        layer: layer whose output is the rows, instead of the default: a number or a module's path.

    >>> Reference.parse("vit_tiny_patch16_224:mine.pth@blocks.3")
    Reference(name='vit_tiny_patch16_224', weights='mine.pth', layer='blocks.3')
    """

    name: str
    weights: str | None = None
    layer: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reference of a text.

        Raises:
            ValueError: it names no model.
        """
        head, at, layer = text.rpartition("@")
        if not at or not LAYER.fullmatch(layer) or Path(text).expanduser().exists():
            head, layer = text, ""
        name, weights = head, ""
        if not Path(head).expanduser().exists():
            name, _, weights = head.partition(":")
        if not name:
            raise ValueError(
                f"'{text}' after a family's name names no model; NAME[:WEIGHTS][@LAYER] is "
                "expected, such as timm:resnet50"
            )
        return cls(_absolute(name), _absolute(weights) or None, layer or None)

    @property
    def path(self) -> Path | None:
        """The local folder or file that it names, if any."""
        path = Path(self.name)
        return path if path.is_absolute() and path.exists() else None

    @property
    def title(self) -> str:
        """Name and layer, without folders of this machine.

        >>> Reference("openai/clip", layer="-2").title
        'openai/clip@-2'
        """
        name = self.name if self.path is None else self.path.name
        return name if self.layer is None else f"{name}@{self.layer}"

    def __str__(self) -> str:
        text = self.name if self.weights is None else f"{self.name}:{self.weights}"
        return text if self.layer is None else f"{text}@{self.layer}"


def _absolute(text: str) -> str:
    path = Path(text).expanduser()
    return str(path.absolute()) if text and path.exists() else text


@dataclass(frozen=True)
class Listing:
    """A model that a family offers.

    Args:
        name: name after the family's name and colon.
        reads: input of its encoder.
        width: width of its rows, if known.
        megabytes: size of its weights, if known.
        licence: licence of its weights, if known.
        here: whether its weights are on this machine.
    """

    name: str
    reads: Reads
    width: int | None = None
    megabytes: float | None = None
    licence: str | None = None
    here: bool = False


class Family(ABC):
    """A library of models, which creates an encoder from the name of a model.

    Class attributes:
        name: name in the registry, used before the colon.
        reads: kinds of input for which it has encoders.
    """

    name: ClassVar[str]
    reads: ClassVar[tuple[Reads, ...]]

    @abstractmethod
    def encoder(self, model: str, *, reads: Reads) -> Encoder:
        """Return the encoder of a model, not loaded; fetches nothing.

        Its class must be importable, and equal `type(encoder)(encoder.given_weights)`: that is how
        other processes build it.

        Args:
            model: the text after the family's name and colon; see `Reference`.
            reads: one of the family's `reads`.

        Raises:
            ImportError: the library is not installed.
            LookupError: it has no such model.
            ValueError: the model reads something else.
        """

    def search(self, word: str) -> Iterator[Listing]:  # noqa: ARG002  (an offer)
        """Yield the models whose names contain the word; fetches nothing."""
        yield from ()


FAMILIES: Registry[Family] = Registry(
    "family", package="extract.families", group="mmgcn.families", base=Family
)


def encoder_named(spec: str, *, reads: Reads) -> Encoder:
    """Return the encoder that a user names, not loaded.

    Args:
        spec: NAME, NAME:WEIGHTS, or FAMILY:NAME[:WEIGHTS][@LAYER].
        reads: input of the encoder, for families.

    Raises:
        LookupError: no encoder, family or model has that name.
        ValueError: the family has no encoders that read this.
    """
    name, _, rest = spec.partition(":")
    encoders, families = ENCODERS.names(), FAMILIES.names()
    if name in families and name not in encoders:
        family = FAMILIES.get(name)
        if reads not in family.reads:
            others = [n for n in families if n != name and reads in FAMILIES.get(n).reads]
            raise ValueError(
                f"the family '{name}' has encoders of {', '.join(family.reads)}, not of {reads}; "
                f"families that do: {', '.join(others) or 'none'}"
            )
        return family.encoder(rest, reads=reads)
    try:
        return ENCODERS.get(name)(rest or None)
    except UnknownName as error:
        offers = (*error.known, *(f"{family}:NAME" for family in families))
        raise UnknownName("encoder", name, offers, error.broken) from error


def kind_of(modality: Modality, spec: str = "") -> Reads:
    """Return the kind of input that an encoder of a modality reads.

    Args:
        spec: NAME or NAME:WEIGHTS of the encoder. Without it, or for a family, the kind is that of
            the modality's first encoder that belongs to no family.

    Raises:
        LookupError: all of them belong to families and the modality does not state the kind, or an
            encoder is unknown.
    """
    own = [name.partition(":")[0] for name in (spec, *modality.encoders) if name]
    first = next((name for name in own if name not in FAMILIES.names()), None)
    if first is None and modality.reads is not None:
        return modality.reads
    return ENCODERS.get(first or own[0]).reads
