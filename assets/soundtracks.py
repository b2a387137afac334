"""Soundtracks of the demo clips: each is composed by a function, and has captions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Compose = Callable[[np.random.Generator, float], np.ndarray]  # (S,) float in [-1, 1]

RATE = 32_000
SOUNDTRACKS: dict[str, tuple[Compose, tuple[str, ...]]] = {}  # by name, as the scenes


def soundtrack(*captions: str) -> Callable[[Compose], Compose]:
    """Add a composition to the soundtracks."""

    def add(compose: Compose) -> Compose:
        SOUNDTRACKS[compose.__name__] = compose, captions
        return compose

    return add


def seconds(duration: float) -> np.ndarray:
    """Return the time of each sample, in seconds."""
    return np.arange(int(duration * RATE)) / RATE


def band(noise: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Return noise limited to a frequency band."""
    spectrum, hz = np.fft.rfft(noise), np.fft.rfftfreq(len(noise), 1 / RATE)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return np.fft.irfft(spectrum, len(noise))


def mix(audio: np.ndarray, at_seconds: float, note: np.ndarray) -> None:
    """Add a note to the audio at a time; a part after the end is cut."""
    start = int(at_seconds * RATE)
    room = min(len(note), len(audio) - start)
    if room > 0:
        audio[start : start + room] += note[:room]


@soundtrack("with the sound of the waves", "with a rushing tide")
def surf(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Low noise that swells and ebbs."""
    t = seconds(duration)
    swell = 0.35 + 0.65 * (0.5 + 0.5 * np.sin(2 * np.pi * t / 2.6 + rng.uniform(0, 6.28))) ** 2
    return band(rng.standard_normal(len(t)), 60, 1400) * swell


@soundtrack("with soft piano music", "with a quiet piano melody")
def piano(rng: np.random.Generator, duration: float) -> np.ndarray:
    """A slow pentatonic melody with decaying overtones."""
    audio, at = np.zeros(int(duration * RATE)), 0.0
    scale = 261.63 * 2 ** (np.array([0, 2, 4, 7, 9, 12]) / 12)
    while at < duration:
        t, pitch = seconds(1.6), rng.choice(scale)
        tone = sum(np.sin(2 * np.pi * pitch * n * t) / n**1.6 for n in range(1, 6))
        mix(audio, at, tone * np.exp(-3.2 * t))
        at += float(rng.choice([0.28, 0.42, 0.56]))
    return audio


@soundtrack("with a pumping techno beat", "with heavy bass and drums")
def techno(rng: np.random.Generator, duration: float) -> np.ndarray:
    """A kick on every beat, a hat between and a saw bass."""
    audio, beat = np.zeros(int(duration * RATE)), 60 / float(rng.integers(124, 136))
    for step in range(math.ceil(duration / beat)):
        t = seconds(0.22)
        kick = np.sin(2 * np.pi * (48 * t + 22 * (1 - np.exp(-28 * t)) / 4)) * np.exp(-13 * t)
        mix(audio, step * beat, 1.6 * kick)
        t = seconds(0.07)
        hat = band(rng.standard_normal(len(t)), 6000, 14000) * np.exp(-50 * t)
        mix(audio, (step + 0.5) * beat, 0.8 * hat)
        t = seconds(beat * 0.9)
        mix(audio, step * beat, 0.25 * (2 * ((t * 55 * (1 + step % 2)) % 1) - 1))
    return audio


@soundtrack("with birds singing", "with morning birdsong")
def birds(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Short chirps that rise and fall, high and clear."""
    audio, at = np.zeros(int(duration * RATE)), 0.05
    while at < duration:
        start_hz, rise_hz = rng.uniform(2400, 4600), rng.uniform(-1600, 1900)
        t = seconds(float(rng.uniform(0.06, 0.16)))
        sweep = np.sin(2 * np.pi * (start_hz * t + rise_hz * t * t / (2 * t[-1])))
        mix(audio, at, sweep * np.hanning(len(t)))
        at += float(rng.uniform(0.09, 0.3))
    return audio


@soundtrack("with a crackling fire", "with the pop of burning wood")
def crackle(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Dry pops over a soft rumble."""
    audio = 0.25 * band(rng.standard_normal(int(duration * RATE)), 40, 220)
    for at in rng.uniform(0, duration, int(26 * duration)):
        t = seconds(float(rng.uniform(0.004, 0.02)))
        pop = rng.standard_normal(len(t)) * np.exp(-t * 300)
        mix(audio, at, rng.uniform(0.3, 1.4) * pop)
    return audio


@soundtrack("with a cheering crowd", "with people clapping and shouting")
def crowd(rng: np.random.Generator, duration: float) -> np.ndarray:
    """A cheering crowd: voices as noise around vowels, and clapping."""
    t = seconds(duration)
    roar = sum(band(rng.standard_normal(len(t)), f - 90, f + 90) for f in (520, 900, 1350, 2300))
    audio = roar * (0.6 + 0.4 * np.sin(2 * np.pi * 0.5 * t + rng.uniform(0, 6.28)))
    for at in rng.uniform(0, duration, int(40 * duration)):
        clap = seconds(0.02)
        mix(audio, at, 0.5 * rng.standard_normal(len(clap)) * np.exp(-clap * 220))
    return audio
