"""The acoustic modality: the audio of a video."""

from extract.modality import Modality

MODALITY = Modality(
    name="acoustic",
    letter="a",
    description="the audio of a video",
    encoders=("vggish", "logmel", "wav2vec2", "clap"),
    presets={"paper": "vggish", "offline": "logmel"},
)
