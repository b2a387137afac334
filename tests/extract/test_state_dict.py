"""State dicts: files of tensors, and the network that they belong to."""

import pytest
import torch
from safetensors.torch import save_file

from extract.state_dict import fit_state_dict, load_state_dict
from extract.weights import WrongWeights

STATE = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}


def write(path, state=STATE):
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return path


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_tensors_are_read_by_name(tmp_path, name):
    loaded = load_state_dict(write(tmp_path / name))
    assert loaded.keys() == STATE.keys()
    assert torch.equal(loaded["weight"], STATE["weight"])


def test_a_state_dict_in_a_checkpoint_is_read(tmp_path):
    loaded = load_state_dict(write(tmp_path / "a.pth", {"epoch": 3, "state_dict": STATE}))
    assert loaded.keys() == STATE.keys()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("data", [b"", b"no tensors at all", b"\x80\x02broken"])
def test_a_file_without_tensors_is_reported(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WrongWeights, match=r"is not a file of weights: \w+"):
        load_state_dict(tmp_path / name)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_truncated_anywhere_is_reported(tmp_path, zipped):
    path = tmp_path / "a.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    for length in range(0, len(data) - 1, 5):
        path.write_bytes(data[:length])
        with pytest.raises(WrongWeights, match="is not a file of weights"):
            load_state_dict(path)


@pytest.mark.parametrize("loaded", [[1, 2], {"a": 1}])
def test_a_file_of_another_kind_is_reported(tmp_path, loaded):
    with pytest.raises(WrongWeights, match="does not contain tensors by name"):
        load_state_dict(write(tmp_path / "a.pth", loaded))


class Malicious:
    def __reduce__(self):
        return print, ("code was run",)


def test_code_in_a_file_of_weights_is_not_run(tmp_path, capsys):
    with pytest.raises(WrongWeights, match="is not a file of weights"):
        load_state_dict(write(tmp_path / "a.pth", {"a": Malicious()}))
    assert capsys.readouterr().out == ""


def test_tensors_are_loaded_into_their_network(tmp_path):
    network = torch.nn.Linear(2, 3)
    fit_state_dict(network, STATE, tmp_path)
    assert torch.equal(network.weight, STATE["weight"])


@pytest.mark.parametrize(
    ("state", "match"),
    [
        ({"weight": torch.ones(3, 2)}, "it lacks bias$"),
        (STATE | {"gain": torch.ones(1)}, "it has in addition gain$"),
        (STATE | {"bias": torch.zeros(4)}, "it has with another shape bias$"),
        ({"w": torch.ones(3, 2)}, "it lacks weight, bias; has in addition w$"),
    ],
)
def test_tensors_of_another_network_are_refused(tmp_path, state, match):
    with pytest.raises(WrongWeights, match=f"contains the weights of another network: {match}"):
        fit_state_dict(torch.nn.Linear(2, 3), state, tmp_path / "a.pth")
