"""VGGish, trained on YouTube-100M: the audio features of the micro-video literature.

Source: Hershey et al., CNN Architectures for Large-Scale Audio Classification, ICASSP 2017. The
network is written here from the paper's table; its published torch weights (Apache-2.0) are those
of the torchvggish project, or the same tensors from torchaudio's assets (`vggish.pt`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Reads
from extract.encoder import Windows
from extract.encoders._file import FileEncoder
from extract.encoders._mel import log_mel, mel_settings
from extract.state_dict import fit_state_dict, load_state_dict
from extract.weights import Weights

if TYPE_CHECKING:
    import torch

PUBLISHED = Weights(
    name="vggish",
    kind="url",
    where="https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
    sha256="10086976",
    licence="Apache-2.0",
)


class VGGish(FileEncoder):
    """The 128 outputs of the last layer, a row per 0.96 s of audio.

    This is the embedding of torchvggish and of torchaudio's former pipeline: after the last layer's
    rectifier, without the PCA and the rounding to bytes of the released AudioSet features. (The
    authors' TensorFlow code returns the values before the rectifier.)
    """

    name: str = "vggish"
    reads: Reads = "waveform"
    weights: Weights | None = PUBLISHED
    dim = 128
    batch_units = 32
    # 96 frames of 25 ms every 10 ms: the last of them ends 975 ms after the first begins.
    window_seconds: float = 0.975
    hop_seconds: float = 0.96

    @property
    def settings(self) -> dict[str, Any]:
        """The spectrogram, the output and the windows."""
        return {"embedding": "after the rectifier, no PCA", **mel_settings(self)}

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        import torch

        path = self._path()
        with torch.device(
            "meta"
        ):  # skip the random initialisation, which takes longer than reading the file
            network = build_network()
        network = network.to_empty(device="cpu")
        fit_state_dict(network, _renamed(load_state_dict(path)), path)
        self._device = device
        self._network = network.eval().requires_grad_(False).to(device)

    def prepare(self, sample: Windows) -> np.ndarray:
        """Shapes: sample.data: (N, 15600) float32; the result: (N, 96, 64) float32."""
        return log_mel(sample.data)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 96, 64) float32; the result: (N, 128) float32."""
        import torch

        with torch.inference_mode():
            patches = torch.from_numpy(units).unsqueeze(1).to(self._device)
            rows: np.ndarray = self._network(patches).float().cpu().numpy()
        return rows


def build_network() -> torch.nn.Module:
    """Return the network with random weights; its tensors are named as in the published file.

    Shapes:
        its input: (N, 1, 96, 64); its output: (N, 128).
    """
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers: list[nn.Module] = []
            channels = 1
            for width in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool"):
                if isinstance(width, str):
                    layers.append(nn.MaxPool2d(2))
                else:
                    layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                    channels = width
            self.features = nn.Sequential(*layers)
            self.embeddings = nn.Sequential(
                *(nn.Linear(512 * 6 * 4, 4096), nn.ReLU()),
                *(nn.Linear(4096, 4096), nn.ReLU()),
                *(nn.Linear(4096, 128), nn.ReLU()),
            )

        def forward(self, patches: torch.Tensor) -> torch.Tensor:
            # The weights were trained with channels last, so they are flattened in that order.
            maps = self.features(patches).permute(0, 2, 3, 1)  # (N, 512, 6, 4) -> (N, 6, 4, 512)
            rows: torch.Tensor = self.embeddings(maps.flatten(1))
            return rows

    return Network()


def _renamed(state: dict[str, Any]) -> dict[str, Any]:
    """Rename torchaudio's tensors to those of torchvggish, without the PCA."""
    names = {"features_network": "features", "embedding_network": "embeddings"}
    return {
        f"{names.get(head, head)}.{rest}": value
        for head, _, rest, value in ((*name.partition("."), value) for name, value in state.items())
        if head != "pproc"
    }


ENCODER = VGGish
