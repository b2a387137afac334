"""The acoustic modality: what a video sounds like."""

from extract.modality import Modality

MODALITY = Modality(
    name="acoustic",
    letter="a",
    description="what a video sounds like",
    encoders=("vggish", "logmel", "wav2vec2", "clap"),
    presets={"paper": "vggish", "offline": "logmel"},
)
