"""Networks of any library: layers, measures and batches."""

import numpy as np
import pytest
import torch
from torch import nn

from extract.families._network import (
    MAX_UNITS,
    FrozenNetwork,
    Measures,
    layer_forward,
    measure,
    pooled_output,
    without_weights,
)
from extract.families._revision import revision_of


@pytest.mark.parametrize(
    ("shape", "channels_last", "expected"),
    [
        ((2, 5), False, (2, 5)),
        ((2, 3, 5), False, (2, 5)),
        ((2, 5, 3, 4), False, (2, 5)),
        ((2, 3, 4, 5), True, (2, 5)),
        ((2, 5, 2, 3, 4), False, (2, 5)),
    ],
)
def test_maps_and_tokens_become_rows(shape, channels_last, expected):
    output = torch.arange(float(np.prod(shape))).reshape(shape)
    assert pooled_output(output, "layer", channels_last=channels_last).shape == expected


@pytest.mark.parametrize(
    ("output", "match"),
    [
        (torch.zeros(3), r"layer 'x' is of shape \(3,\); rows, tokens or maps are expected"),
        (None, "layer 'x' is not a tensor; rows, tokens or maps are expected"),
    ],
)
def test_an_output_of_another_shape_is_refused(output, match):
    with pytest.raises(ValueError, match=match):
        pooled_output(output, "x")


def test_the_output_of_a_module_is_taken_while_the_network_runs():
    network = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    batch = torch.rand(5, 4)
    rows = layer_forward("0", lambda net, given: net(given))(network, batch)
    torch.testing.assert_close(rows, network[0](batch))
    assert not network[0]._forward_hooks


def test_width_and_memory_are_known_without_weights():
    def build():
        return nn.Sequential(nn.Conv2d(3, 8, 1), nn.Flatten(), nn.Linear(8 * 4 * 4, 5))

    found = measure(build, lambda net, batch: net(batch), (3, 4, 4))
    assert found == Measures(width=5, unit_bytes=4 * 8 * 4 * 4 * 4)


def test_a_network_that_computes_while_it_is_built_is_measured_too():
    def build():
        return nn.Linear(3, int(torch.tensor([4.0]).tolist()[0]))

    assert without_weights(lambda: build().out_features) == 4


@pytest.mark.parametrize(
    ("unit_bytes", "units"), [(1 << 20, MAX_UNITS), (30 << 20, 8), (200 << 20, 1), (1 << 40, 1)]
)
def test_a_batch_has_as_many_units_as_fit_its_memory(unit_bytes, units):
    assert Measures(1, unit_bytes).batch_units == units


def test_rows_of_float32_have_no_cosine():
    network = FrozenNetwork(nn.Linear(4, 3), lambda net, batch: net(batch), device="cpu")
    assert network(torch.rand(2, 4)).shape == (2, 3)
    assert network.cosine is None


def test_a_revision_is_that_of_the_caches_folder(tmp_path):
    path = tmp_path / "models--a--b-c" / "snapshots" / "0f3e" / "config.json"
    assert revision_of(path) == "a/b-c@0f3e"
    assert revision_of(tmp_path / "config.json") is None
