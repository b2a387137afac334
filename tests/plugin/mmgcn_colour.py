"""How a video is coloured: a histogram of hues for each frame."""

import numpy as np

from extract.encoder import Encoder
from extract.modality import Modality

MODALITY = Modality(
    name="colour",
    letter="c",
    description="which colours a video shows",
    encoders=("hue_histogram",),
    presets={"paper": "hue_histogram", "offline": "hue_histogram"},
)


class HueHistogram(Encoder):
    name, reads, dim, weights = "hue_histogram", "frames", 12, None

    @property
    def provenance(self):
        return {"encoder": self.name, "version": 1, "num_bins": self.dim}

    def load(self, device="cpu", *, engine="torch"):
        pass

    def prepare(self, sample):  # (n, H, W, 3) uint8 -> (n, 64, 64, 3) uint8
        import cv2

        return np.stack([cv2.resize(frame, (64, 64)) for frame in sample.data])

    def encode(self, units):  # (n, 64, 64, 3) uint8 -> (n, 12) float32
        import cv2

        hues = [cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[..., 0].ravel() for frame in units]
        return np.stack(
            [np.histogram(hue, self.dim, (0, 180), density=True)[0] for hue in hues]
        ).astype(np.float32)
