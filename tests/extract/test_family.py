"""Families: the text after the colon, and the encoders that it names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.encoder import ENCODERS
from extract.family import FAMILIES, Family, Reference, encoder_named, kind_of
from extract.modality import MODALITIES, Modality
from extract.registry import UnknownName
from tests.encoders import Shade, registered


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vit_tiny", Reference("vit_tiny")),
        ("openai/clip", Reference("openai/clip")),
        ("vit_tiny.in1k@-2", Reference("vit_tiny.in1k", layer="-2")),
        ("resnet18:V1@layer3.0", Reference("resnet18", "V1", "layer3.0")),
        ("resnet18:/a@b/c.pth", Reference("resnet18", "/a@b/c.pth")),
    ],
)
def test_a_reference_is_a_name_with_weights_and_a_layer(text, expected):
    assert Reference.parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", ":weights", "@3", ":"])
def test_a_reference_names_a_model(text):
    with pytest.raises(ValueError, match="names no model; NAME"):
        Reference.parse(text)


def test_paths_that_exist_are_absolute_whatever_is_in_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a@b:c").mkdir()
    (tmp_path / "w.pth").touch()
    assert Reference.parse("a@b:c") == Reference(str(tmp_path / "a@b:c"))
    assert Reference.parse("a@b:c@2").layer == "2"
    assert Reference.parse("net:w.pth").weights == str(tmp_path / "w.pth")
    assert Reference.parse("a@b:c").title == "a@b:c"


name = st.from_regex(r"[a-z][a-z0-9_./-]{0,9}", fullmatch=True)


@given(
    name, st.none() | name, st.none() | st.from_regex(r"-?[0-9]{1,2}|[a-z]{1,5}", fullmatch=True)
)
def test_a_reference_survives_its_text(model, weights, layer):
    reference = Reference(model, weights, layer)
    assert Reference.parse(str(reference)) == reference


def test_names_without_a_colon_are_encoders():
    assert encoder_named("resnet50", reads="frames").given_weights is None
    assert encoder_named("resnet50:w.pth", reads="frames").given_weights == "w.pth"


def test_an_unknown_name_lists_encoders_and_families():
    with pytest.raises(UnknownName, match=r"no encoder is called 'timn'; .*known: .*timm:NAME"):
        encoder_named("timn:resnet18", reads="frames")


def test_a_family_that_reads_something_else_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"'timm' has encoders of frames, not of text; families"):
        encoder_named("timm:resnet18", reads="text")


def thing(*encoders, **more):
    return Modality("thing", "th", "a thing", encoders, {}, **more)


def test_a_modality_reads_what_its_first_own_encoder_reads():
    assert kind_of(thing("timm", "resnet50")) == "frames"
    assert kind_of(thing("vggish"), "hf:some/model") == "waveform"
    assert kind_of(thing("vggish"), "sentence:folder") == "text"


def test_a_modality_of_families_alone_says_what_it_reads():
    assert kind_of(thing("hf", reads="video")) == "video"
    assert kind_of(MODALITIES.get("motion"), "torchvision:s3d") == "video"
    with pytest.raises(UnknownName, match="no encoder is called 'hf'"):
        kind_of(thing("hf"))


class Shades(Family):
    """A family whose models are shades."""

    name = "shades"
    reads = ("frames",)

    def encoder(self, model, *, reads):
        return Shade(model)


def test_a_family_is_found_once_it_is_registered(monkeypatch):
    monkeypatch.setattr(FAMILIES, "_members", dict(FAMILIES._members))
    monkeypatch.setattr(FAMILIES, "_registered", dict(FAMILIES._registered))
    FAMILIES.register("shades", Shades())
    with registered(Shade):
        assert encoder_named("shades:grey", reads="frames").given_weights == "grey"
        assert ENCODERS.get("shade") is Shade
    assert list(Shades().search("grey")) == []
