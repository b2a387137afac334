"""Settings: one flat set of names, checked values, and errors that name the fix."""

import pytest

from mmgcn.config import SettingError
from mmgcn.model import MODELS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": "-1"}, "learning_rate is -1.0; it must be positive"),
        ({"learning_rate": "0"}, "learning_rate is 0.0; it must be positive"),
        ({"learning_rate": 1e9}, "learning_rate is 1000000000.0; it must be at most 1"),
        ({"dim": -3}, "dim is -3; it must be positive"),
        ({"l2_reg": -1}, "l2_reg is -1.0; it must be at least 0"),
        ({"l2_reg": "nan"}, "l2_reg is nan; it must be at least 0, and finite"),
        ({"temperature": "inf"}, "temperature is inf; it must be at least 0, and finite"),
        ({"batch_size": "2.5"}, "batch_size is '2.5'; expected int"),
        ({"batch_size": 2.5}, "batch_size is '2.5'; expected int"),
        ({"stop_epoch": 41, "epochs": 40}, "stop_epoch is 41; it must be at most epochs, 40"),
        ({"aggregation": "sum"}, "aggregation is 'sum'; known: mean, max"),
        ({"num_layer": "2"}, "no setting is called 'num_layer'; did you mean num_layers"),
        ({"colour": "2"}, "no setting is called 'colour'; known: dim, num_layers, "),
    ],
)
def test_a_bad_value_or_name_is_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        MODELS.get("mmgcn").parse_settings(settings)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("linear_mmgcn", {"ensemble_size": 0}, "ensemble_size is 0; it must be positive"),
        ("linear_mmgcn", {"similarity": "dot"}, "does not use similarity: a score"),
        ("linear_mmgcn", {"l2_reg": 0.5}, "does not use l2_reg: .* use weight_decay"),
        ("linear_mmgcn", {"leave_out": 1.5}, "leave_out is 1.5; it must be at most 1"),
        ("linear_mmgcn", {"edge_dropout": 1}, "edge_dropout is 1.0; it must be less than 1"),
        ("itemknn", {"num_item_neighbours": 0}, "num_item_neighbours is 0; it must be positive"),
        ("ease", {"learning_rate": 9}, "closed form.* use learning_rate; its settings: l2_reg"),
        ("popularity", {"epochs": 9}, "does not use epochs; its settings: none"),
    ],
)
def test_a_setting_that_a_model_does_not_use_is_refused(model, settings, message):
    with pytest.raises(SettingError, match=message):
        MODELS.get(model).parse_settings(settings)


def test_settings_of_the_model_and_of_its_training_are_given_together():
    settings = MODELS.get("lightgcn").parse_settings({"dim": "8", "epochs": "3"})
    assert (settings.model.dim, settings.train.epochs) == (8, 3)
    assert settings.train.temperature == 0.3  # the model's own default
    assert settings.as_dict()["dim"] == 8
    assert settings.as_dict()["epochs"] == 3
