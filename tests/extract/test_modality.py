"""A modality checks itself when it is made."""

import pytest

from extract.modality import MODALITIES, Modality


def smell(**more):
    given = {"name": "smell", "letter": "s", "description": "how it smells", "encoders": ("nose",)}
    return Modality(**given | {"presets": {"paper": "nose:trained"}} | more)


def test_its_letter_is_its_alias():
    assert smell(letter="sm").aliases == ("sm",)


@pytest.mark.parametrize("name", ["smell", "smell-2", "s_m"])
def test_a_name_may_hold_small_letters_digits_and_lines(name):
    assert smell(name=name).name == name


# What an option or a folder would take for something else.
@pytest.mark.parametrize("name", ["", "Smell", "../smell", "a,b", "a=b", "a b", "2d", "é", "a\n"])
@pytest.mark.parametrize("field", ["name", "letter"])
def test_a_name_that_is_no_option_and_no_folder_is_refused(name, field):
    with pytest.raises(ValueError, match=r"a modality cannot be called .*; take small letters"):
        smell(**{field: name})


@pytest.mark.parametrize("encoders", [(), "nose", ["nose"]])
def test_encoders_are_named_in_a_tuple(encoders):
    with pytest.raises(ValueError, match=r"'smell' has the encoders .*; name one or more in a tup"):
        smell(encoders=encoders)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="modality 'smell' pools by 'median'; known: mean, max, "):
        smell(pooling="median")


def test_a_preset_names_one_of_its_encoders():
    with pytest.raises(ValueError, match=r"preset 'paper' of modality 'smell' names .* 'ear', "):
        smell(presets={"paper": "ear"})


def test_what_is_no_modality_is_not_registered():
    with pytest.raises(
        ValueError, match=r"'smell' of this process .* not a extract\.modality\.Mod"
    ):
        MODALITIES.register("smell", "a nose")
    assert "smell" not in MODALITIES.names()
