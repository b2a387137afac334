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
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from scenes import HEIGHT, SCENES, WIDTH
from soundtracks import RATE, SOUNDTRACKS

FPS = 15
NUM_USERS = 200
EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z, the first interaction
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
