"""ExtractConfig: what is allowed, and what excludes each other."""

from pathlib import Path

import pytest

import extract
from extract.config import ExtractConfig
from extract.media import Sampling


def test_sequences_become_tuples_and_paths_paths():
    config = ExtractConfig(modalities=["v"], encoders={"v": "resnet50"}, posters="folder")
    assert config.modalities == ("v",)
    assert config.encoders == (("v", "resnet50"),)
    assert config.posters == Path("folder")
    hash(config)


@pytest.mark.parametrize(
    "rule", [{}, {"num_frames": 4}, {"fps": 0.5}, {"every_nth": 3}, {"keyframes": True}]
)
def test_one_rule_samples_frames(rule):
    assert ExtractConfig(**rule).sampling == Sampling(**rule)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"engine": "torhc"}, "engine is 'torhc'; known: torch, onnx"),
        ({"precision": "int4"}, "precision is 'int4'; known: float32, bfloat16, int8"),
        ({"dtype": "float8"}, "dtype is 'float8'; known: float16, float32"),
        ({"layout": "zip"}, "layout is 'zip'; known: files, packed"),
        ({"posters": "a", "sprites": "a"}, "`posters` and `sprites` are the same folder"),
        ({"device": "cuda:x"}, "device is 'cuda:x'; known: auto, cpu, cuda, cuda:N"),
        ({"workers": 0}, "workers is 0; at least 1 is needed"),
        ({"clip_timeout_seconds": float("nan")}, "clip_timeout_seconds is nan; it must be pos"),
        ({"clip_memory_gib": 0}, "clip_memory_gib is 0; it must be positive and finite"),
        ({"fps": 1, "keyframes": True}, "`fps` and `keyframes` exclude each other; choose one"),
        ({"num_frames": 0}, "num_frames is 0; it must be positive"),
        ({"fps": float("inf")}, "fps is inf; it must be positive"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        ExtractConfig(**settings)


def test_every_public_name_can_be_imported():
    for name in extract.__all__:
        assert getattr(extract, name).__doc__
    assert set(extract.__all__) <= set(dir(extract))
    with pytest.raises(AttributeError, match="module 'extract' has no attribute 'extrakt'"):
        _ = extract.extrakt
