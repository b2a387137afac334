"""Generate the demo data: clips, captions and interactions, all from one seed.

    python assets/make.py [--seed 7] [--out assets]

Every clip has one of eight scenes, one of six soundtracks and a caption with one of five purposes.
The three are drawn independently, so each modality contains information that the other two do not.
Users have preferences for scenes, soundtracks and purposes and watch accordingly; user 42 prefers
the sea and the piano. README.md in the same folder describes the files.
"""

from __future__ import annotations

import argparse
import csv
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

Frame = np.ndarray  # (H, W, 3) uint8 RGB
Draw = Callable[[np.random.Generator], Callable[[float], Frame]]
Compose = Callable[[np.random.Generator, float], np.ndarray]  # (S,) float in [-1, 1]

WIDTH, HEIGHT, FPS, RATE = 192, 336, 15, 32_000
NUM_USERS = 200
EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z, the first interaction


# --- scenes: each returns a function from seconds to a frame ----------------------------------


def gradient(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Frame:
    """Return a vertical gradient that fills the frame."""
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    rows = (1 - share) * np.array(top) + share * np.array(bottom)
    return np.repeat(rows, WIDTH, axis=1).astype(np.uint8)


def sea(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Waves that roll in under a pale sky."""
    sky = gradient((150, 205, 240), (225, 240, 245))
    phases, horizon = rng.uniform(0, 6.28, 6), rng.uniform(0.3, 0.45)
    x = np.arange(WIDTH)

    def at(t: float) -> Frame:
        frame = sky.copy()
        for layer, phase in enumerate(phases):
            depth = layer / len(phases)
            crest = HEIGHT * (horizon + 0.6 * depth) + (4 + 9 * depth) * np.sin(
                x / (14 + 16 * depth) + phase + t * (1.2 + depth)
            )
            colour = (int(20 + 30 * depth), int(90 + 70 * depth), int(150 + 50 * depth))
            shore = np.stack([x, crest], axis=1).round().astype(np.int32)
            outline = np.vstack([shore, [[WIDTH, HEIGHT], [0, HEIGHT]]]).astype(np.int32)
            cv2.fillPoly(frame, [outline], colour)
            cv2.polylines(frame, [shore], False, (235, 245, 250), 2, cv2.LINE_AA)
        return frame

    return at


def campfire(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Flames that flicker over logs in the dark."""
    night, seeds = gradient((8, 8, 22), (38, 22, 14)), rng.uniform(0, 6.28, (14, 3))

    def at(t: float) -> Frame:
        frame = night.copy()
        for index, (a, b, c) in enumerate(seeds):
            height = 60 + 55 * (0.5 + 0.5 * math.sin(7 * t + a)) * (1 - index / 20)
            x = WIDTH / 2 + 34 * math.sin(b + 2.3 * t) * (index / 14)
            colour = (255, int(70 + 150 * index / 14), int(20 + 60 * (index > 10)))
            base = HEIGHT * 0.78
            tip = (x + 9 * math.sin(5 * t + c), base - height)
            flame = np.array([[x - 22 + index, base], tip, [x + 22 - index, base]], np.int32)
            cv2.fillPoly(frame, [flame], colour, cv2.LINE_AA)
        for slope in (-14, 14):
            ends = (WIDTH // 2 - 60, 268 - slope), (WIDTH // 2 + 60, 268 + slope)
            cv2.line(frame, *ends, (88, 52, 28), 15, cv2.LINE_AA)
        return frame

    return at


def snowfall(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Snow that falls on fir trees at dusk."""
    dusk = gradient((60, 70, 110), (170, 180, 205))
    cv2.rectangle(dusk, (0, 270), (WIDTH, HEIGHT), (240, 244, 250), -1)
    for x in rng.integers(10, WIDTH - 10, 5):
        for step in range(3):
            width, top = 30 - 6 * step, 250 - 38 * step
            tree = np.array([[x - width, top], [x, top - 58], [x + width, top]], np.int32)
            cv2.fillPoly(dusk, [tree], (28, 66 + 10 * step, 54), cv2.LINE_AA)
    flakes = rng.uniform(0, 1, (110, 3))

    def at(t: float) -> Frame:
        frame = dusk.copy()
        for x, y, size in flakes:
            left = (x * WIDTH + 10 * math.sin(t + 9 * size)) % WIDTH
            top = (y * HEIGHT + t * (35 + 60 * size)) % HEIGHT
            centre = (int(left), int(top))
            cv2.circle(frame, centre, int(1 + 3 * size), (255, 255, 255), -1, cv2.LINE_AA)
        return frame

    return at


def city(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Lit towers at night, and traffic below."""
    night, left = gradient((12, 12, 40), (60, 34, 78)), 0
    while left < WIDTH:
        width, top = int(rng.integers(24, 46)), int(rng.integers(70, 190))
        cv2.rectangle(night, (left, top), (left + width, 280), (24, 24, 34), -1)
        for y in range(top + 8, 272, 13):
            for x in range(left + 5, left + width - 7, 10):
                if rng.random() < 0.6:
                    cv2.rectangle(night, (x, y), (x + 4, y + 6), (250, 214, 120), -1)
        left += width + 3
    cv2.rectangle(night, (0, 280), (WIDTH, HEIGHT), (42, 42, 48), -1)
    cars = rng.uniform(0, 1, (7, 2))

    def at(t: float) -> Frame:
        frame = night.copy()
        for x, speed in cars:
            forward = speed > 0.5
            position = x * WIDTH + (70 + 50 * speed) * t * (1 if forward else -1)
            centre = (int(position % WIDTH), 296 if forward else 318)
            cv2.ellipse(
                frame,
                centre,
                (13, 3),
                0,
                0,
                360,
                (255, 240, 190) if forward else (240, 40, 40),
                -1,
                cv2.LINE_AA,
            )
        return frame

    return at


def football(rng: np.random.Generator) -> Callable[[float], Frame]:
    """A ball that bounces on striped grass."""
    pitch = gradient((120, 190, 245), (190, 225, 250))
    for stripe in range(8):
        colour = (52, 142, 58) if stripe % 2 else (66, 164, 70)
        cv2.rectangle(pitch, (0, 170 + 21 * stripe), (WIDTH, 191 + 21 * stripe), colour, -1)
    cv2.rectangle(pitch, (46, 92), (146, 170), (250, 250, 250), 3)
    start, drift, spin = rng.uniform(30, 90), rng.uniform(18, 34), rng.uniform(3, 6)

    def at(t: float) -> Frame:
        frame = pitch.copy()
        x = int((start + drift * t) % WIDTH)
        y = int(292 - 130 * abs(math.sin(2.2 * t)))
        cv2.ellipse(frame, (x, 312), (20, 5), 0, 0, 360, (36, 100, 42), -1, cv2.LINE_AA)
        cv2.circle(frame, (x, y), 22, (252, 252, 252), -1, cv2.LINE_AA)
        for spot in range(5):
            angle = spin * t + spot * 2 * math.pi / 5
            centre = (int(x + 13 * math.cos(angle)), int(y + 13 * math.sin(angle)))
            cv2.circle(frame, centre, 5, (24, 24, 24), -1, cv2.LINE_AA)
        return frame

    return at


def fireworks(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Rockets that burst over a black hill."""
    night = gradient((4, 4, 20), (18, 16, 46))
    cv2.ellipse(night, (WIDTH // 2, HEIGHT + 30), (150, 90), 0, 0, 360, (2, 2, 6), -1)
    bursts = [
        (rng.uniform(0, 1.4), rng.integers(36, WIDTH - 36), rng.integers(60, 190), colour)
        for colour in ((255, 90, 80), (90, 220, 255), (255, 220, 90), (190, 120, 255))
    ]

    def at(t: float) -> Frame:
        frame = night.copy()
        for delay, x, y, colour in bursts:
            age = (t + delay) % 1.5
            fade = max(0.0, 1 - age / 1.5)
            for ray in range(22):
                angle = ray * 2 * math.pi / 22
                reach = 78 * (1 - math.exp(-3 * age))
                inner = 0.72 * reach
                ends = [
                    (
                        int(x + length * math.cos(angle)),
                        int(y + length * math.sin(angle) + 16 * age * age),
                    )
                    for length in (inner, reach)
                ]
                shade = tuple(int(value * fade) for value in colour)
                cv2.line(frame, ends[0], ends[1], shade, 2, cv2.LINE_AA)
        return frame

    return at


def aquarium(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Fish that swim through rising bubbles."""
    water = gradient((16, 130, 150), (6, 46, 92))
    for x in range(8, WIDTH, 24):
        reed = np.array([[x, HEIGHT], [x + 8, 236 + (x * 7) % 40], [x + 12, HEIGHT]], np.int32)
        cv2.fillPoly(water, [reed], (30, 120, 70), cv2.LINE_AA)
    fish, bubbles = rng.uniform(0, 1, (7, 3)), rng.uniform(0, 1, (22, 3))

    def at(t: float) -> Frame:
        frame = water.copy()
        for x, y, hue in fish:
            direction = 1 if hue > 0.5 else -1
            position = (x * WIDTH + direction * (26 + 40 * y) * t) % (WIDTH + 40) - 20
            centre = int(position), int(50 + y * 210 + 6 * math.sin(3 * t + 8 * hue))
            colour = (255, int(90 + 140 * hue), int(30 + 60 * y))
            cv2.ellipse(frame, centre, (17, 9), 0, 0, 360, colour, -1, cv2.LINE_AA)
            back = centre[0] - direction * 15
            tail = [
                [back, centre[1]],
                [back - direction * 12, centre[1] - 9],
                [back - direction * 12, centre[1] + 9],
            ]
            cv2.fillPoly(frame, [np.array(tail, np.int32)], colour, cv2.LINE_AA)
            eye = (centre[0] + direction * 10, centre[1] - 2)
            cv2.circle(frame, eye, 2, (10, 10, 10), -1)
        for x, y, size in bubbles:
            height = int((y * HEIGHT - (30 + 40 * size) * t) % HEIGHT)
            centre = int(x * WIDTH + 4 * math.sin(4 * t + 9 * y)), height
            cv2.circle(frame, centre, int(2 + 5 * size), (190, 236, 245), 1, cv2.LINE_AA)
        return frame

    return at


def desert(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Dunes and a low sun that slide past the window of a car."""
    sky, phases = gradient((250, 130, 70), (255, 214, 140)), rng.uniform(0, 6.28, 3)
    cv2.circle(sky, (int(rng.integers(50, 140)), 120), 30, (255, 244, 190), -1, cv2.LINE_AA)
    x = np.arange(WIDTH)

    def at(t: float) -> Frame:
        frame = sky.copy()
        for layer, phase in enumerate(phases):
            offset = t * (8 + 26 * layer)
            crest = 170 + 48 * layer + (22 - 4 * layer) * np.sin((x + offset) / 33 + phase)
            outline = np.vstack(
                [np.stack([x, crest], axis=1), [[WIDTH, HEIGHT], [0, HEIGHT]]]
            ).astype(np.int32)
            colour = (226 - 40 * layer, 150 - 34 * layer, 82 - 20 * layer)
            cv2.fillPoly(frame, [outline], colour)
        return frame

    return at


# --- soundtracks: each returns (S,) samples ----------------------------------------------------


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


def surf(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Low noise that swells and ebbs."""
    t = seconds(duration)
    swell = 0.35 + 0.65 * (0.5 + 0.5 * np.sin(2 * np.pi * t / 2.6 + rng.uniform(0, 6.28))) ** 2
    return band(rng.standard_normal(len(t)), 60, 1400) * swell


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


def birdsong(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Short chirps that rise and fall, high and clear."""
    audio, at = np.zeros(int(duration * RATE)), 0.05
    while at < duration:
        start_hz, rise_hz = rng.uniform(2400, 4600), rng.uniform(-1600, 1900)
        t = seconds(float(rng.uniform(0.06, 0.16)))
        sweep = np.sin(2 * np.pi * (start_hz * t + rise_hz * t * t / (2 * t[-1])))
        mix(audio, at, sweep * np.hanning(len(t)))
        at += float(rng.uniform(0.09, 0.3))
    return audio


def crackle(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Dry pops over a soft rumble."""
    audio = 0.25 * band(rng.standard_normal(int(duration * RATE)), 40, 220)
    for at in rng.uniform(0, duration, int(26 * duration)):
        t = seconds(float(rng.uniform(0.004, 0.02)))
        pop = rng.standard_normal(len(t)) * np.exp(-t * 300)
        mix(audio, at, rng.uniform(0.3, 1.4) * pop)
    return audio


def crowd(rng: np.random.Generator, duration: float) -> np.ndarray:
    """A cheering crowd: voices as noise around vowels, and clapping."""
    t = seconds(duration)
    roar = sum(band(rng.standard_normal(len(t)), f - 90, f + 90) for f in (520, 900, 1350, 2300))
    audio = roar * (0.6 + 0.4 * np.sin(2 * np.pi * 0.5 * t + rng.uniform(0, 6.28)))
    for at in rng.uniform(0, duration, int(40 * duration)):
        clap = seconds(0.02)
        mix(audio, at, 0.5 * rng.standard_normal(len(clap)) * np.exp(-clap * 220))
    return audio


SCENES: dict[str, tuple[Draw, tuple[str, ...]]] = {
    "sea": (sea, ("Waves rolling onto the beach", "The sea on a calm morning", "Surf by the bay")),
    "campfire": (campfire, ("A campfire at night", "Flames over glowing logs")),
    "snow": (snowfall, ("Snow falling on fir trees", "First snow in the forest")),
    "city": (city, ("Downtown traffic after dark", "City lights and skyscrapers")),
    "football": (football, ("A football bouncing on the pitch", "Ball control before the match")),
    "fireworks": (fireworks, ("Fireworks over the hill", "Rockets bursting in the night sky")),
    "aquarium": (aquarium, ("Goldfish in the aquarium", "Tropical fish and bubbles")),
    "desert": (desert, ("Driving past desert dunes", "Sunset over the sand")),
}
SOUNDTRACKS: dict[str, tuple[Compose, tuple[str, ...]]] = {
    "surf": (surf, ("with the sound of the waves", "with a rushing tide")),
    "piano": (piano, ("with soft piano music", "with a quiet piano melody")),
    "techno": (techno, ("with a pumping techno beat", "with heavy bass and drums")),
    "birds": (birdsong, ("with birds singing", "with morning birdsong")),
    "crackle": (crackle, ("with a crackling fire", "with the pop of burning wood")),
    "crowd": (crowd, ("with a cheering crowd", "with people clapping and shouting")),
}
PURPOSES: dict[str, tuple[str, ...]] = {
    "sleep": ("to fall asleep to", "relaxing, for a good night"),
    "workout": ("for your workout", "motivation for training hard"),
    "travel": ("from my travel diary", "places to visit on holiday"),
    "learn": ("explained in one minute", "a short science lesson"),
    "party": ("for the weekend party", "dance with friends tonight"),
}
# Ids that careless code handles wrongly (spaces, several dots, other alphabets, an emoji, leading
# zeros), and the scene that each one describes.
ODD_NAMES = {
    "007": "football",
    "night drive v1.2": "city",
    "my.day.at.the.sea": "sea",
    "café au désert": "desert",
    "雪の夜": "snow",
    "party time 🎉": "fireworks",
    "100% real (no cut)": "aquarium",
    "море": "sea",
}


@dataclass(frozen=True)
class Clip:
    """One video to generate, and its categories."""

    id: str
    scene: str
    audio: str | None  # None: no audio track
    purpose: str | None  # None: no caption
    duration: float


def plan(rng: np.random.Generator, num_clips: int) -> list[Clip]:
    """Return clips with scenes, soundtracks and purposes about equally often, independently."""

    def shuffled(names: list[str]) -> list[str]:
        repeated = names * math.ceil(num_clips / len(names))
        return [str(name) for name in rng.permutation(repeated[:num_clips])]

    scenes, soundtracks = shuffled([*SCENES]), shuffled([*SOUNDTRACKS])
    purposes = shuffled([*PURPOSES])
    ids = [f"clip-{index:03d}" for index in range(1, num_clips + 1)]
    for name, scene in ODD_NAMES.items():
        index = next(i for i in range(num_clips) if scenes[i] == scene and ids[i][:5] == "clip-")
        ids[index] = name
    silent = set(rng.choice(num_clips, 5, replace=False).tolist())
    uncaptioned = set(rng.choice(num_clips, 5, replace=False).tolist())
    return [
        Clip(
            clip_id,
            scene,
            None if index in silent else soundtrack,
            None if index in uncaptioned else purpose,
            float(rng.choice([2.0, 2.6, 3.2, 4.0, 5.0, 6.0])),
        )
        for index, (clip_id, scene, soundtrack, purpose) in enumerate(
            zip(ids, scenes, soundtracks, purposes, strict=True)
        )
    ]


def encode(clip: Clip, path: Path, rng: np.random.Generator) -> None:
    """Write one clip: H.264 video and, unless it is silent, AAC audio."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {"crf": "30", "preset": "slow", "threads": "1", "bf": "2"}
        video.time_base = Fraction(1, FPS)
        audio = None
        if clip.audio is not None:
            audio = container.add_stream("aac", rate=RATE, layout="mono")
            audio.bit_rate = 40_000
        draw = SCENES[clip.scene][0](rng)
        for index in range(int(clip.duration * FPS)):
            frame = av.VideoFrame.from_ndarray(draw(index / FPS), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and clip.audio is not None:
            samples = SOUNDTRACKS[clip.audio][0](rng, clip.duration)
            samples = (0.6 * samples / np.abs(samples).max()).astype(np.float32)
            for start in range(0, len(samples), 1024):
                block = av.AudioFrame.from_ndarray(
                    samples[None, start : start + 1024], format="fltp", layout="mono"
                )
                block.sample_rate, block.pts = RATE, start
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))


def caption(clip: Clip, rng: np.random.Generator) -> str | None:
    """Return one sentence about the scene, the audio and the purpose of a clip."""
    if clip.purpose is None:
        return None
    words = [str(rng.choice(SCENES[clip.scene][1]))]
    if clip.audio is not None:
        words.append(str(rng.choice(SOUNDTRACKS[clip.audio][1])))
    return f"{' '.join(words)}, {rng.choice(PURPOSES[clip.purpose])}"


def watch(clips: list[Clip], rng: np.random.Generator) -> list[tuple[str, str, int]]:
    """Return (user, item, unix seconds) of every view, in time order.

    A user prefers two scenes, two soundtracks and one purpose. Views are drawn without
    replacement in proportion to exp(preference + popularity) (Gumbel top-k).
    """
    popularity = rng.normal(0, 0.5, len(clips))
    views: list[tuple[str, str, int]] = []
    for user in range(1, NUM_USERS + 1):
        scenes = rng.choice([*SCENES], 2, replace=False)
        soundtracks = rng.choice([*SOUNDTRACKS], 2, replace=False)
        purpose = str(rng.choice([*PURPOSES]))
        if user == 42:
            scenes, soundtracks, purpose = (
                np.array(["sea", "aquarium"]),
                np.array(["piano"]),
                "sleep",
            )
        preference = np.array(
            [
                2.6 * (clip.scene in scenes)
                + 2.2 * (clip.audio in soundtracks)
                + 1.6 * (clip.purpose == purpose)
                for clip in clips
            ]
        )
        score = preference + popularity + rng.gumbel(0, 1, len(clips))
        watched = np.argsort(-score)[: rng.integers(8, 15)]
        times = EPOCH + rng.integers(0, 60 * 86_400, len(watched))
        order = rng.permutation(len(watched))
        views += [(str(user), clips[watched[i]].id, int(times[i])) for i in order]
    return sorted(views, key=lambda view: (view[2], view[0], view[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--num-clips", type=int, default=72)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    clips = plan(rng, options.num_clips)

    videos = options.out / "videos"
    shutil.rmtree(videos, ignore_errors=True)
    videos.mkdir(parents=True)
    for clip in clips:
        encode(clip, videos / f"{clip.id}.mp4", np.random.default_rng(rng.integers(2**32)))
    # An incomplete upload: the file ends before its index.
    broken = clips[-1]
    path = videos / f"{broken.id}.mp4"
    path.write_bytes(path.read_bytes()[:600])

    with (options.out / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "caption"])
        writer.writerows([clip.id, text] for clip in clips if (text := caption(clip, rng)))
    with (options.out / "meanings.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "scene", "sound", "purpose"])
        writer.writerows([c.id, c.scene, c.audio or "", c.purpose or ""] for c in clips)
    with (options.out / "interactions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", "timestamp"])
        writer.writerows(watch(clips, rng))


if __name__ == "__main__":
    main()
