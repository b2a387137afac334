"""Target: one encoder of one modality, and the feature set that it fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract.config import ExtractConfig, Layout
from extract.encoder import ENCODERS, Encoder
from extract.family import FAMILIES, encoder_named, kind_of
from extract.media import audio, frame_conversion
from extract.modality import MODALITIES, Modality
from extract.store import FeatureSet, FeatureStore
from extract.weights import WeightsUnavailable
from extract.workers.windows import sampling_of

DECODED = ("frames", "video", "waveform")


@dataclass
class Target:
    """One encoder of one modality, and the feature set that it fills.

    `features` is None before `open`, and in a dry run. `spec` names the encoder as an option does,
    such as resnet50:FILE.
    """

    modality: Modality
    encoder: Encoder
    manifest: dict[str, Any]
    features: FeatureSet | None = None
    spec: str = ""

    @property
    def decodes(self) -> bool:
        """Whether its encoder reads decoded samples of the file."""
        return self.encoder.reads in DECODED

    def open(
        self, store: FeatureStore, *, shard: str | None = None, layout: Layout | None = None
    ) -> FeatureSet:
        """Create or open the set. An older one stays the current one until the run has ended."""
        self.features = store.create(
            self.modality.name,
            self.manifest,
            versions=_versions(self),
            current=False,
            shard=shard,
            layout=layout,
        )
        if shard is None:
            self.features.merge_shards()
        store.make_current(self.features, replace=False)
        return self.features

    def update_current(self, store: FeatureStore, *, allow_fewer: bool) -> str | None:
        """Make the set the modality's current one; see `FeatureStore.update_current`."""
        assert self.features is not None, "it is opened before"
        return store.update_current(self.features, allow_fewer=allow_fewer)


def choose_targets(config: ExtractConfig) -> list[Target]:
    """Return the targets of the modalities, after locating their weights; nothing is written.

    Args:
        config: the settings; a modality named twice counts once.

    Raises:
        LookupError: an unknown modality, encoder or preset.
        ValueError: there is no modality, an encoder is named for a modality that is not extracted,
            an encoder is named twice, or none of them supports the precision or the pooling.
        WeightsUnavailable: weights are not on this machine and cannot be fetched; the message names
            all of them.
    """
    targets: list[Target] = []
    unavailable: list[WeightsUnavailable] = []
    for modality, choices in _choices(config):
        for spec in choices:
            encoder = encoder_named(spec, reads=kind_of(modality))
            if config.precision in encoder.precisions:
                encoder.precision = config.precision
            if config.pooling in encoder.poolings:
                encoder.pooling = config.pooling
            try:
                manifest = manifest_of(modality, encoder, config)
            except WeightsUnavailable as error:
                unavailable.append(error)
            else:
                targets.append(Target(modality, encoder, manifest, spec=_spec_of(spec, encoder)))
    if unavailable:
        raise _all_of(unavailable)
    if all(config.precision not in target.encoder.precisions for target in targets):
        known = [n for n in ENCODERS.names() if config.precision in ENCODERS.get(n).precisions]
        raise ValueError(
            f"none of the encoders computes in {config.precision}; encoders that do: "
            f"{', '.join(known)}"
        )
    if config.pooling is not None and all(t.encoder.pooling is None for t in targets):
        raise ValueError(
            f"none of the encoders supports pooling='{config.pooling}' of token states; those of "
            "the family hf do: name one, such as textual=hf:FOLDER"
        )
    clashes = {(t.modality.name, str(t.manifest)) for t in targets}
    if len(clashes) < len(targets):
        raise ValueError("an encoder with the same weights is named twice for a modality")
    return targets


def refuse_decoded_modalities(config: ExtractConfig, *, num_items: int) -> None:
    """Refuse modalities that are decoded from files, for items without files.

    Raises:
        LookupError: an unknown modality, encoder or preset.
        ValueError: a modality is decoded from files; the message names the other modalities.
    """
    decoded: list[str] = []
    others: list[str] = []
    for modality, choices in _choices(config):
        reads = {kind_of(modality, spec) for spec in choices}
        (decoded if reads & set(DECODED) else others).append(modality.name)
    if decoded:
        raise ValueError(
            f"none of the {num_items:,} items has a file, from which {' and '.join(decoded)} "
            f"features are decoded; pass modalities={','.join(others) or 'textual'}, or name videos"
        )


def _choices(config: ExtractConfig) -> list[tuple[Modality, list[str]]]:
    """Return each modality with its encoders, as NAME or NAME:WEIGHTS."""
    members = {member.name: member for member in map(MODALITIES.get, config.modalities)}
    if not members:
        raise ValueError(f"no modality is named; known: {', '.join(MODALITIES.names())}")
    chosen: dict[str, list[str]] = {}
    for name, spec in config.encoder_choices:
        chosen.setdefault(MODALITIES.get(name).name, []).append(spec)
    unused = sorted(set(chosen) - set(members))
    if unused:
        raise ValueError(
            f"an encoder is named for {', '.join(unused)}, which is not one of the modalities to "
            f"extract: {', '.join(members)}"
        )
    return [
        (modality, chosen.get(modality.name) or [_of_preset(modality, config.preset)])
        for modality in members.values()
    ]


def _of_preset(modality: Modality, preset: str) -> str:
    if preset not in modality.presets:
        raise LookupError(
            f"the modality '{modality.name}' has no preset '{preset}'; it has: "
            f"{', '.join(modality.presets) or 'none'} (or name an encoder with `encoders`, as "
            f"{modality.name}={_example(modality)})"
        )
    return modality.presets[preset]


def _example(modality: Modality) -> str:
    """Return the form of an encoder's name for a modality."""
    first = modality.encoders[0]
    return f"{first}:NAME" if first in FAMILIES.names() else "NAME"


def manifest_of(modality: Modality, encoder: Encoder, config: ExtractConfig) -> dict[str, Any]:
    """Return every setting that changes a row of an encoder."""
    manifest: dict[str, Any] = {
        "encoder": encoder.name,
        "provenance": encoder.provenance,
        "dim": encoder.dim,
        "reads": encoder.reads,
        "pooling": modality.pooling,
        "dtype": config.dtype,
    }
    if encoder.precision != "float32":
        manifest["precision"] = encoder.precision
    if encoder.reads in ("frames", "video"):
        sampling = sampling_of(encoder, config.sampling)
        manifest |= {"sampling": sampling.provenance, "decoding": frame_conversion.PROVENANCE}
    if encoder.reads == "waveform":
        manifest |= {"decoding": audio.PROVENANCE}
    return manifest


def _all_of(errors: Sequence[WeightsUnavailable]) -> WeightsUnavailable:
    """Return one error for several."""
    others = [error for error in errors if not error.names]  # a wrong path, a missing package
    if others or len(errors) == 1:
        return (others or errors)[0]
    names = tuple(name for error in errors for name in error.names)
    return WeightsUnavailable.unfetched(names, tuple(w for error in errors for w in error.attempts))


def _spec_of(spec: str, encoder: Encoder) -> str:
    """Return the name of an encoder as in options, with absolute paths."""
    given = encoder.given_weights
    if given is None:
        return spec
    if Path(given).exists():
        given = str(Path(given).absolute())
    return f"{spec.partition(':')[0]}:{given}"


def _versions(target: Target) -> dict[str, str]:
    """Return versions of libraries, revision of weights from a hub, and name of the encoder."""
    from importlib.metadata import version

    names = ("mmgcn", "av", "numpy", "torch", "transformers")
    revision = target.encoder.revision
    return (
        {name: version(name) for name in names}
        | ({} if revision is None else {"weights": revision})
        | ({"named": target.spec} if target.spec else {})
    )
