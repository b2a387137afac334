"""The log-mel spectrogram, compared with a slow version of the paper."""

import numpy as np
import pytest

from extract.encoders._mel import log_mel, mel, mel_bands


def log_mel_slowly(window):
    """One transform per frame and one triangle per band, with lists and loops."""

    def mel(hz):
        return 1127 * np.log(1 + hz / 700)

    edges = [mel(125) + i * (mel(7500) - mel(125)) / 65 for i in range(66)]
    hann = [0.5 - 0.5 * np.cos(2 * np.pi * n / 400) for n in range(400)]
    waves = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(400)) / 512)
    rows = []
    for start in range(0, len(window) - 400 + 1, 160):
        magnitude = np.abs(waves @ (window[start : start + 400] * hann))
        row = []
        for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
            total = 0.0
            for k in range(1, 257):
                pitch = mel(k * 16_000 / 512)
                if low < pitch < high:
                    rising = (pitch - low) / (middle - low)
                    falling = (high - pitch) / (high - middle)
                    total += magnitude[k] * min(rising, falling)
            row.append(np.log(total + 0.01))
        rows.append(row)
    return np.array(rows)


def test_the_spectrogram_equals_a_slow_version():
    windows = np.random.default_rng(0).uniform(-1, 1, (2, 880)).astype(np.float32)
    bands = log_mel(windows)
    assert bands.shape == (2, 4, 64)
    assert bands.dtype == np.float32
    for window, found in zip(windows, bands, strict=True):
        np.testing.assert_allclose(found, log_mel_slowly(window), rtol=1e-5, atol=1e-5)


def test_a_window_of_0_975_seconds_has_96_frames():
    assert log_mel(np.zeros((1, 15_600), np.float32)).shape == (1, 96, 64)


def test_windows_every_0_96_seconds_continue_where_the_last_one_ended():
    audio = np.random.default_rng(0).uniform(-1, 1, 15_360 + 15_600).astype(np.float32)
    windows = np.stack([audio[:15_600], audio[15_360:]])
    whole = log_mel(audio[None])[0]
    np.testing.assert_allclose(log_mel(windows).reshape(192, 64), whole, rtol=1e-5)


def test_silence_is_the_logarithm_of_the_offset():
    np.testing.assert_allclose(log_mel(np.zeros((1, 400), np.float32)), np.log(0.01), rtol=1e-6)


def test_the_mel_scale_is_htks():
    assert mel(0.0) == 0
    np.testing.assert_allclose(mel(700.0), 1127 * np.log(2))


@pytest.mark.parametrize("hz", [250, 1_000, 4_000])
def test_a_tone_is_loudest_in_the_band_around_it(hz):
    times = np.arange(15_600) / 16_000
    tone = np.sin(2 * np.pi * hz * times).astype(np.float32)
    edges = np.linspace(mel(125), mel(7_500), 66)
    loudest = log_mel(tone[None])[0].mean(axis=0).argmax()
    assert edges[loudest] < mel(hz) < edges[loudest + 2]


def test_every_band_responds_to_some_tone_and_none_to_a_constant():
    assert mel_bands().shape == (257, 64)
    assert (mel_bands().sum(axis=0) > 0).all()
    assert (mel_bands()[0] == 0).all()
