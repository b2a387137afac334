"""Encoder: validation of the attributes of subclasses, and of windows."""

import numpy as np
import pytest

from extract.encoder import Encoder, Windows


def test_an_encoder_needs_its_four_methods():
    class Unfinished(Encoder):
        name, reads = "unfinished", "frames"

    with pytest.raises(TypeError, match="abstract"):
        Unfinished()


def test_weights_are_remembered_and_not_loaded():
    class Plain(Encoder):
        name, reads, dim = "plain", "text", 1
        settings, load, prepare, encode = {}, None, None, None

    assert Plain("/no/such/file").given_weights == "/no/such/file"
    assert Plain().given_weights is None
    assert Plain.weights is None


def test_an_encoder_reads_a_known_kind_of_input():
    with pytest.raises(ValueError, match="Nose reads 'smells'; an encoder reads frames, video,"):

        class Nose(Encoder):
            reads = "smells"


@pytest.mark.parametrize(
    "more",
    [
        {"sample_rate_hz": 0},
        {"window_seconds": 0.0},
        {"hop_seconds": -1.0},
        {"min_window_seconds": 2.0},  # more than the window holds
        {"min_window_seconds": -0.1},
    ],
)
def test_impossible_window_settings_are_refused(more):
    with pytest.raises(ValueError, match=r"Ear has windows of .*; rate, window and hop must"):
        type("Ear", (Encoder,), more)


def test_windows_have_a_length():
    assert len(Windows(np.zeros((3, 5), np.float32), 16_000, np.arange(3.0))) == 3


@pytest.mark.parametrize(
    ("data", "times", "match"),
    [
        (np.zeros(5, np.float32), 1, r"are \(N, S\) float32, not \(5,\) float32"),
        (np.zeros((2, 5)), 2, r"are \(N, S\) float32, not \(2, 5\) float64"),
        (np.zeros((2, 5), np.float32), 3, r"2 windows need as many times, not \(3,\)"),
    ],
)
def test_windows_of_another_shape_are_refused(data, times, match):
    with pytest.raises(ValueError, match=match):
        Windows(data, 16_000, np.arange(float(times)))
