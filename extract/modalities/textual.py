"""The textual modality: the caption, subtitles or title of a video."""

from extract.modality import Modality

MODALITY = Modality(
    name="textual",
    letter="t",
    description="the caption, subtitles or title of a video",
    encoders=("sentence",),
    presets={"paper": "sentence", "offline": "sentence:package"},
)
