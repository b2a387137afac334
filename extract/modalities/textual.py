"""The textual modality: what is written about a video: caption, subtitles or title."""

from extract.modality import Modality

MODALITY = Modality(
    name="textual",
    letter="t",
    description="what is written about a video: caption, subtitles or title",
    encoders=("sentence",),
    presets={"paper": "sentence", "offline": "sentence:package"},
)
