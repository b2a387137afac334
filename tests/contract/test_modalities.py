"""The contract of every modality; a new one is tested here without a change."""

from typing import get_args

import pytest

from extract.config import Reads
from extract.encoder import ENCODERS
from extract.family import FAMILIES, kind_of
from extract.modality import MODALITIES
from extract.store import file_name
from tests.extraction import extract_items

NAMES = MODALITIES.names()


@pytest.fixture(params=NAMES)
def modality(request):
    return MODALITIES.get(request.param)


def test_it_has_the_name_it_is_registered_by(modality, request):
    assert modality.name == request.node.callspec.params["modality"]
    assert modality.description


def test_its_letter_finds_it(modality):
    assert len(modality.letter) == 1
    assert MODALITIES.get(modality.letter) is modality


def test_its_name_is_a_folder_name(modality):
    assert file_name(modality.name) == modality.name


def test_its_encoders_exist_and_read_a_part_of_clips(modality):
    assert modality.encoders
    for name in modality.encoders:
        if name in FAMILIES.names():
            assert kind_of(modality) in FAMILIES.get(name).reads
        else:
            assert ENCODERS.get(name).reads in get_args(Reads)


def test_it_has_an_encoder_for_each_preset_or_for_none(modality):
    assert set(modality.presets) in ({"paper", "offline"}, set())
    for encoder in modality.presets.values():
        assert encoder.partition(":")[0] in modality.encoders


def test_the_offline_preset_needs_no_network(modality):
    if not modality.presets:
        pytest.skip("it has no presets")
    name, _, given = modality.presets["offline"].partition(":")
    published = ENCODERS.get(name).weights
    assert published is None or published.kind == "package" or given == "package"


def test_an_unknown_preset_lists_the_known_ones(modality, tmp_path):
    known = "paper, offline" if modality.presets else "none"
    with pytest.raises(LookupError, match=f"has no preset 'best'; it has: {known} "):
        extract_items([], tmp_path, modalities=[modality.name], preset="best", device="cpu")


def test_no_two_share_a_letter():
    letters = [MODALITIES.get(name).letter for name in NAMES]
    assert len(set(letters)) == len(letters)
    assert not set(letters) & set(NAMES)
