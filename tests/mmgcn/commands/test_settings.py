"""Given settings, and the models that receive them."""

from mmgcn.commands.settings import settings_of_models


def test_a_setting_goes_to_the_models_that_have_it():
    found = settings_of_models(["mf", "ease", "popularity"], None, {"dim": "8", "ease.l2_reg": "3"})
    assert found == {"mf": {"dim": "8"}, "ease": {"l2_reg": "3"}, "popularity": {}}


def test_a_setting_that_no_model_has_is_passed_to_all_so_that_they_refuse_it():
    assert settings_of_models(["mf", "ease"], None, {"dmi": "8"}) == {
        "mf": {"dmi": "8"},
        "ease": {"dmi": "8"},
    }
