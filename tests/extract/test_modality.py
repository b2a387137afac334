"""A modality validates its fields."""

import pytest

from extract.modality import MODALITIES, Modality


def smell(**more):
    given = {
        "name": "smell",
        "letter": "s",
        "description": "the smell of a video",
        "encoders": ("nose",),
    }
    return Modality(**given | {"presets": {"paper": "nose:trained"}} | more)


def test_its_letter_is_its_alias():
    assert smell(letter="sm").aliases == ("sm",)


@pytest.mark.parametrize("name", ["smell", "smell-2", "s_m"])
def test_a_name_can_have_lower_case_letters_digits_and_dashes(name):
    assert smell(name=name).name == name


# Names that have another meaning in an option or a path.
@pytest.mark.parametrize("name", ["", "Smell", "../smell", "a,b", "a=b", "a b", "2d", "é", "a\n"])
@pytest.mark.parametrize("field", ["name", "letter"])
def test_a_name_that_is_not_valid_for_options_and_folders_is_refused(name, field):
    with pytest.raises(ValueError, match=r"is not a valid name of a modality; use a low"):
        smell(**{field: name})


@pytest.mark.parametrize("encoders", [(), "nose", ["nose"]])
def test_encoders_are_a_tuple(encoders):
    with pytest.raises(ValueError, match=r"'smell' has the encoders .*; expected a tuple"):
        smell(encoders=encoders)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(
        ValueError, match="modality 'smell' has the pooling 'median'; known: mean, "
    ):
        smell(pooling="median")


def test_an_unknown_input_is_refused():
    with pytest.raises(ValueError, match="modality 'smell' reads 'air'; known: frames, video, "):
        smell(reads="air")


def test_a_preset_uses_one_of_the_encoders():
    with pytest.raises(ValueError, match=r"preset 'paper' of modality 'smell' names .* 'ear', "):
        smell(presets={"paper": "ear"})


def test_another_object_is_not_registered():
    with pytest.raises(
        ValueError, match=r"'smell' of this process .* not a extract\.modality\.Mod"
    ):
        MODALITIES.register("smell", "a nose")
    assert "smell" not in MODALITIES.names()
