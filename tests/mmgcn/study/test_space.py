"""Search spaces: files, and the models' own spaces."""

import pytest

from mmgcn.config import SettingError
from mmgcn.model import MODELS, Model
from mmgcn.study.space import DEFAULT, Choice, Range, read_space


@pytest.mark.parametrize("name", sorted(DEFAULT))
def test_a_space_of_our_own_fits_its_model(name):
    kind = MODELS.get(name)
    own = kind.default_settings().as_dict()
    for setting, side in DEFAULT[name].items():
        ends = side.values if isinstance(side, Choice) else (side.low, side.high)
        for end in ends:
            kind.parse_settings({setting: end})  # else SettingError
        assert own[setting] in side, "the first trial is the model as it is"


def test_every_model_that_is_trained_has_a_space():
    trained = {name for name in MODELS.names() if issubclass(MODELS.get(name), Model)}
    assert trained - {"mmgcn_official"} <= DEFAULT.keys()  # which is there to reproduce


def test_a_file_declares_lists_and_ranges():
    ranges = {
        "dim": [8, 16],
        "learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "num_layers": {"low": 1, "high": 3},
    }
    space = read_space(MODELS.get("lightgcn"), ranges)
    assert space == {
        "dim": Choice((8, 16)),
        "learning_rate": Range(0.001, 0.1, log=True),
        "num_layers": Range(1, 3),
    }
    assert space["num_layers"].is_integer
    assert not space["learning_rate"].is_integer
    named = read_space(MODELS.get("lightgcn"), {"lightgcn": ranges})
    assert named == space


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({}, "names no setting"),
        ({"dmi": [8]}, "did you mean dim"),
        ({"dim": []}, "empty list"),
        ({"dim": [8, 0]}, "dim is 0"),
        ({"dim": 8}, "the space of dim is '8'; expected a list"),
        ({"dim": {"low": 8}}, "expected low, high and optionally log"),
        ({"dim": {"low": 8, "high": 16, "step": 2}}, "has low, high, step"),
        ({"dim": {"low": 16, "high": 8}}, "from 16 to 8"),
        ({"dim": {"low": "a", "high": 8}}, "expected two numbers"),
        ({"l2_reg": {"low": 0, "high": 1, "log": True}}, "above 0 if log is true"),
        ({"loss": ["hinge"]}, "loss is 'hinge'"),
    ],
)
def test_a_bad_file_is_refused_before_anything_is_trained(ranges, message):
    with pytest.raises(SettingError, match=message):
        read_space(MODELS.get("mf"), ranges)


def test_the_space_of_a_solved_model_has_no_training_settings():
    with pytest.raises(SettingError, match="does not use epochs"):
        read_space(MODELS.get("ease"), {"epochs": [1, 2]})
