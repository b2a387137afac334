"""The motion modality: windows of consecutive frames of a video."""

from extract.modality import Modality

MODALITY = Modality(
    name="motion",
    letter="m",
    description="the movement in a video: windows of consecutive frames",
    encoders=("torchvision", "hf"),
    presets={},
    reads="video",
)
