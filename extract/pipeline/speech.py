"""Speech: transcripts of clips, as the captions of those that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from extract.catalogue import Item
from extract.config import ExtractConfig
from extract.families._hf_speech import HfSpeech
from extract.modality import Modality
from extract.pipeline.target import Target, manifest_of
from extract.store import FeatureSet
from extract.weights import WeightsUnavailable

SPEECH = Modality(
    name="speech",
    letter="s",
    description="speech in a video, as text",
    encoders=("hf",),
    presets={},
    pooling="first",
    reads="waveform",
)


def speech_target(config: ExtractConfig) -> Target:
    """Return the target of transcripts, after locating its weights; nothing is written.

    Raises:
        WeightsUnavailable: the weights are not on this machine and cannot be fetched.
        WrongWeights: they are not those of Whisper.
    """
    encoder = HfSpeech(config.speech)
    try:
        manifest = manifest_of(SPEECH, encoder, replace(config, dtype="float32"))
    except WeightsUnavailable as error:
        if not error.names:
            raise
        raise WeightsUnavailable(
            f"the weights of the speech network {error.names[0]} are not on this machine. Either "
            f"run `mmgcn weights fetch {error.names[0]}` on a machine with network access, copy "
            "the folder that it prints here, and pass its path as `speech`; or leave `speech` out",
            names=error.names,
            attempts=error.attempts,
        ) from error
    return Target(SPEECH, encoder, manifest)


def without_caption(items: Sequence[Item]) -> list[Item]:
    """Return the items that have a file and no caption."""
    return [item for item in items if item.path is not None and not item.caption]


def with_speech(items: Sequence[Item], transcripts: FeatureSet | None) -> tuple[Item, ...]:
    """Return the items, with transcripts as captions of those that have no caption."""
    if transcripts is None:
        return tuple(items)
    records = transcripts.records
    return tuple(
        replace(item, caption=record.caption)
        if not item.caption and (record := records.get(item.id)) is not None and record.caption
        else item
        for item in items
    )
