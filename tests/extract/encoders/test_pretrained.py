"""Folders of transformers: no random tensors, and every problem is reported."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from extract.encoders._pretrained import hashes_of, load_network, read_settings, require_folder
from extract.weights import WeightsUnavailable, WrongWeights
from tests import networks


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(networks.weights("sentence"), tmp_path / "net"))


def load(folder):
    return load_network(AutoModel, folder, "sentence encoder", unused=("pooler.",))


def rewrite(folder, change):
    state = change(load_file(folder / "model.safetensors"))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def test_every_tensor_comes_from_the_file(folder, capfd):
    network = load(folder)
    for name, value in load_file(folder / "model.safetensors").items():
        assert torch.equal(network.state_dict()[name], value)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda state: {f"other.{name}": value for name, value in state.items()},
            r"contains the weights of another network: for a sentence encoder it lacks 37 tensors",
        ),
        (
            lambda state: dict(list(state.items())[1:]),
            r"another network: for a sentence encoder it lacks 1 tensors, embeddings\.LayerNorm\.b",
        ),
        (
            lambda state: state | {"embeddings.LayerNorm.bias": torch.zeros(3)},
            r"net contains no sentence encoder: \w+",
        ),
    ],
)
def test_a_file_that_lacks_a_tensor_is_refused(folder, change, match, capfd):
    rewrite(folder, change)
    with pytest.raises(WrongWeights, match=match):
        load(folder)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_broken_file_is_reported(folder, name):
    (folder / name).write_bytes(b"no")
    with pytest.raises(WrongWeights, match=r"net contains no sentence encoder: \w") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_is_reported(tmp_path):
    with pytest.raises(WrongWeights, match="contains no sentence encoder"):
        load(tmp_path)
    with pytest.raises(WeightsUnavailable, match=r"contains no weights: model\.safetensors is"):
        hashes_of(tmp_path)


def test_a_file_instead_of_a_folder_is_refused(tmp_path):
    (tmp_path / "a.pth").touch()
    with pytest.raises(WrongWeights, match=r"a\.pth is a file; a folder with config\.json and mod"):
        require_folder(tmp_path / "a.pth")
    assert require_folder(tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_one_changed_byte_is_found_by_its_hash(folder, name):
    before = hashes_of(folder)
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert hashes_of(folder) != before


def test_a_readme_does_not_change_the_hashes(folder):
    before = hashes_of(folder)
    (folder / "README.md").write_text("words")
    assert hashes_of(folder) == before


def test_settings_that_are_not_json_are_reported(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(WrongWeights, match=r"a\.json is not JSON: Expecting property name"):
        read_settings(tmp_path, "a.json")
    assert read_settings(tmp_path, "absent.json") == {}
