"""The visual modality: what a video shows."""

from extract.modality import Modality

MODALITY = Modality(
    name="visual",
    letter="v",
    description="what a video shows",
    encoders=("resnet50", "efficientnet_lite0"),
    presets={"paper": "resnet50", "offline": "efficientnet_lite0"},
)
