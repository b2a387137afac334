"""vggish: the network of the paper's table, with the names of its published weights."""

import numpy as np
import pytest
import torch

from extract.encoders.vggish import PUBLISHED, VGGish, build_network
from extract.weights import WrongWeights
from tests import networks

# Names and shapes in torchvggish's vggish-10086976.pth.
SHAPES = {
    "features.0": (64, 1, 3, 3),
    "features.3": (128, 64, 3, 3),
    "features.6": (256, 128, 3, 3),
    "features.8": (256, 256, 3, 3),
    "features.11": (512, 256, 3, 3),
    "features.13": (512, 512, 3, 3),
    "embeddings.0": (4096, 512 * 6 * 4),
    "embeddings.2": (4096, 4096),
    "embeddings.4": (128, 4096),
}


@pytest.fixture(scope="module")
def state():
    return torch.load(networks.weights("vggish"), weights_only=True)


@pytest.fixture(scope="module")
def encoder():
    return networks.loaded("vggish")


def test_its_tensors_are_those_of_the_published_file():
    with torch.device("meta"):
        network = build_network()
    found = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    weights = {f"{name}.weight": shape for name, shape in SHAPES.items()}
    assert found == weights | {f"{name}.bias": shape[:1] for name, shape in SHAPES.items()}
    assert sum(value.numel() for value in network.parameters()) == 72_141_184


def test_the_published_hash_is_in_the_files_name():
    assert PUBLISHED.file_name == f"vggish-{PUBLISHED.sha256}.pth"


def test_a_row_is_that_of_the_layers_one_after_the_other(encoder, state):
    functional = torch.nn.functional
    patches = encoder.prepare(networks.sample(encoder, 2))
    assert patches.shape == (2, 96, 64)
    maps = torch.from_numpy(patches)[:, None]
    weights = {name: value.float() for name, value in state.items()}
    for layer, pools in ((0, 1), (3, 1), (6, 0), (8, 1), (11, 0), (13, 1)):
        name = f"features.{layer}"
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        maps = functional.conv2d(maps, weight, bias, padding=1).relu()
        maps = functional.max_pool2d(maps, 2) if pools else maps
    # Time, then pitch, then channel: the order of the TensorFlow network.
    rows = torch.stack([maps[:, :, t, f] for t in range(6) for f in range(4)], dim=1).flatten(1)
    for layer in (0, 2, 4):
        name = f"embeddings.{layer}"
        rows = functional.linear(rows, weights[f"{name}.weight"], weights[f"{name}.bias"]).relu()
    np.testing.assert_allclose(encoder.encode(patches), rows, rtol=1e-3, atol=1e-4 * rows.max())


def test_torchaudios_names_are_read_without_the_pca(encoder, state, tmp_path):
    names = {"features": "features_network", "embeddings": "embedding_network"}
    parts = {name: name.partition(".") for name in state}
    other = {f"{names[head]}.{rest}": state[name] for name, (head, _, rest) in parts.items()}
    torch.save(other | {"pproc.pca_means": torch.zeros(128, 1)}, tmp_path / "vggish.pt")
    again = VGGish(str(tmp_path / "vggish.pt"))
    again.load()
    units = encoder.prepare(networks.sample(encoder, 1))
    np.testing.assert_array_equal(again.encode(units), encoder.encode(units))


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(WrongWeights, match=r"a\.pth contains the weights of another network: it"):
        VGGish(str(tmp_path / "a.pth")).load()
