"""The visual modality: the frames of a video."""

from extract.modality import Modality

MODALITY = Modality(
    name="visual",
    letter="v",
    description="the frames of a video",
    encoders=("resnet50", "efficientnet_lite0"),
    presets={"paper": "resnet50", "offline": "efficientnet_lite0"},
)
