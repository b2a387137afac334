"""Clips that are hard on an extractor, beside other decoders and the sum of its parts.

    pip install --no-deps torchcodec decord opencv-python-headless   # what is missing is left out
    python -m benchmarks.cases                  # minutes on two idle cores
    python -m benchmarks.cases --small          # a minute, to see that it works

Cases: Matroska whose audio starts late, a clip of an hour (ten seconds, repeated), 4K, and a
hundred clips of two seconds. Each decoder returns 16 frames of each clip as RGB; frames that differ
from those of decoding everything with PyAV are counted. Extraction, with ResNet50 of random
weights, is compared with decoding alone plus encoding alone. torchcodec loads PyAV's FFmpeg.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # replace this folder, whose extract.py would shadow the package

NUM_FRAMES = 16
FPS = 25
FIRST = "two.mp4"  # decoded before the clock starts
SIDE = 32  # of the small images by which frames are compared
MAX_SECONDS = 90  # for one decoder and one case
SAME_GREY = 8.0  # mean difference of grey levels below which two are one frame


# --- the clips ---


def encode(path: Path, *, seconds: float, size: tuple[int, int], audio_from: float | None) -> None:
    """Write moving noise over a gradient as H.264, with a tone as AAC from some second on."""
    import av
    import numpy as np

    rng = np.random.default_rng(0)
    width, height = size
    large = rng.integers(0, 255, (height // 8 + 64, width // 8 + 64), dtype=np.uint8)
    with av.open(path, "w") as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "28"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = None if audio_from is None else out.add_stream("aac", rate=44_100)
        for index in range(round(seconds * FPS)):
            at = index % 64
            part = large[at : at + height // 8, at : at + width // 8]
            image = np.kron(part, np.ones((8, 8), np.uint8))[:, :, None].repeat(3, 2)
            image[: height // 4] = index * 255 // max(round(seconds * FPS), 1)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is None or audio_from is None:
            return
        for start in range(round(audio_from * 44_100), round(seconds * 44_100), 1024):
            tone = np.sin(np.arange(start, start + 1024) * 0.05).astype(np.float32)[None]
            block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = 44_100, start, Fraction(1, 44_100)
            out.mux(audio.encode(block))
        out.mux(audio.encode(None))


def repeat(clip: Path, path: Path, *, times: int) -> None:
    """Write the packets of a clip many times, one after another."""
    import av

    with av.open(clip) as old, av.open(path, "w") as new:
        source = old.streams.video[0]
        stream = new.add_stream_from_template(source)
        packets = [packet for packet in old.demux(source) if packet.size]
        length = sum(packet.duration for packet in packets)
        for turn in range(times):
            old.seek(0)
            for packet in old.demux(source):
                if packet.size:
                    packet.pts += turn * length
                    packet.dts += turn * length
                    packet.stream = stream
                    new.mux(packet)


def make_cases(folder: Path, *, small: bool) -> dict[str, list[Path]]:
    """Write the clips of all cases."""
    cases: dict[str, list[Path]] = {"audio starts late, mkv": [], "two seconds": []}
    for index in range(2 if small else 10):
        path = folder / f"late {index}.mkv"
        encode(path, seconds=20, size=(640, 360), audio_from=5)
        cases["audio starts late, mkv"].append(path)
    encode(folder / "ten.mp4", seconds=10, size=(640, 360), audio_from=None)
    repeat(folder / "ten.mp4", folder / "hour.mp4", times=12 if small else 360)
    cases["an hour"] = [folder / "hour.mp4"]
    encode(folder / "large.mp4", seconds=2 if small else 10, size=(3840, 2160), audio_from=None)
    cases["4K"] = [folder / "large.mp4"]
    encode(folder / FIRST, seconds=2, size=(360, 640), audio_from=0)
    for index in range(10 if small else 100):
        path = folder / f"short {index:03d}.mp4"
        path.write_bytes((folder / FIRST).read_bytes() + bytes(index))  # another hash
        cases["two seconds"].append(path)
    return cases


# --- the decoders: each returns the frames of one clip, (T, H, W, 3) uint8 or a list ---


def middles(num_frames: int) -> list[int]:
    return [(2 * i + 1) * num_frames // (2 * NUM_FRAMES) for i in range(NUM_FRAMES)]


def planned(path: Path) -> Any:
    """Decode as mmgcn does."""
    from extract.media import Frames, Sampling, read_media

    with read_media(path, sampling=Sampling(num_frames=NUM_FRAMES)) as blocks:
        return [frame for block in blocks if isinstance(block, Frames) for frame in block.data]


def everything(path: Path) -> Any:
    """Decode every frame with PyAV, and convert those that are sampled."""
    import av

    with av.open(path) as container:
        num_frames = sum(1 for packet in container.demux(video=0) if packet.size)
        container.seek(0)
        container.streams.video[0].codec_context.thread_count = 1
        indices = set(middles(num_frames))
        frames = enumerate(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for index, frame in frames if index in indices]


def torchcodec(path: Path, *, seek_mode: str) -> Any:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(
        str(path), seek_mode=seek_mode, dimension_order="NHWC", num_ffmpeg_threads=1
    )
    return decoder.get_frames_at(middles(len(decoder))).data.numpy()


def decord(path: Path) -> Any:
    from decord import VideoReader

    reader = VideoReader(str(path), num_threads=1)
    return reader.get_batch(middles(len(reader))).asnumpy()


def opencv(path: Path) -> Any:
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path))
    indices = set(middles(int(capture.get(cv2.CAP_PROP_FRAME_COUNT))))
    frames = []
    for index in range(max(indices) + 1):
        if not capture.grab():
            break
        if index in indices:
            frames.append(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB))
    return frames


DECODERS: dict[str, Callable[[Path], Any]] = {
    "PyAV, everything": everything,
    "mmgcn": planned,
    "torchcodec, exact": lambda path: torchcodec(path, seek_mode="exact"),
    "torchcodec, approximate": lambda path: torchcodec(path, seek_mode="approximate"),
    "decord": decord,
    "OpenCV": opencv,
}


def thumbnails(frames: Any) -> Any:
    """Return the frames as images of 32 x 32 grey levels. Shapes: the result: (T, 32, 32)."""
    import numpy as np
    import torch

    images = []
    for frame in frames:
        grey = torch.from_numpy(np.ascontiguousarray(frame)).float().mean(dim=2)[None, None]
        images.append(torch.nn.functional.interpolate(grey, (SIDE, SIDE), mode="area")[0, 0])
    return np.stack([image.numpy() for image in images])


# --- measuring ---


def run_one(name: str, first: Path, paths: list[Path], out: Path) -> None:
    """Decode clips in this process, after a first one that is not counted."""
    import numpy as np

    from benchmarks.extract import clock, since

    decode = DECODERS[name]
    decode(first)
    started = clock()
    last: Any = None
    for path in paths:
        last = decode(path)
    spent = since(started)
    np.save(out, thumbnails(last))
    print(json.dumps({**spent, "num_frames": len(last)}))


def measured(name: str, paths: list[Path], folder: Path) -> tuple[dict[str, float], Any] | str:
    """Return the time of a decoder and its last frames, or why it does not run."""
    import numpy as np

    out = folder / "images.npy"
    clips = map(str, [folder / FIRST, *paths])
    words = [sys.executable, __file__, "--only", name, "--out", str(out), *clips]
    try:
        done = subprocess.run(
            words, env=environment(folder), capture_output=True, text=True, timeout=MAX_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {MAX_SECONDS} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it crashed"])[-1][:120]
    return json.loads(done.stdout.splitlines()[-1]), np.load(out)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which torchcodec finds the FFmpeg of PyAV, on Linux."""
    import av

    libraries = Path(av.__file__).parent.parent / "av.libs"
    links = folder / "ffmpeg"
    links.mkdir(exist_ok=True)
    for path in libraries.glob("lib*.so.*"):
        name, _, versions = path.name.partition(".so.")
        link = links / f"{name.rpartition('-')[0]}.so.{versions.partition('.')[0]}"
        if not link.is_symlink():
            link.symlink_to(path)
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return os.environ | {
        "LD_LIBRARY_PATH": f"{links}{os.pathsep}{libraries}",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": python_path,
    }


def compare_decoders(case: str, paths: list[Path], folder: Path, stuck: set[str]) -> None:
    """Print the time of each decoder; one that does not run is added to `stuck`, and left out."""
    import numpy as np

    print(
        f"\n{case}: {len(paths)} clips\n  {'decoding':26} {'cpu s':>8} {'frames that differ':>19}"
    )
    reference: Any = None
    for name in [each for each in DECODERS if each not in stuck]:
        found = measured(name, paths, folder)
        if isinstance(found, str):
            print(f"  {name:26} does not run: {found}", flush=True)
            stuck.add(name)
            continue
        spent, images = found
        reference = images if reference is None else reference
        shared = min(len(images), len(reference))
        apart = np.abs(images[:shared] - reference[:shared]).mean(axis=(1, 2))
        differ = int((apart > SAME_GREY).sum()) + abs(len(images) - len(reference))
        print(f"  {name:26} {spent['cpu']:8.2f} {f'{differ} of {len(reference)}':>19}", flush=True)


def compare_parts(paths: list[Path], weights: Path, few: list[Path]) -> None:
    """Print the time of extraction and that of its parts alone, start-up left out."""
    from benchmarks.extract import measure

    start = float(str(measure("ours:torch", few, weights, cores=1)["cpu"]))
    whole = float(str(measure("ours:torch", paths, weights, cores=1)["cpu"])) - start
    decoding = float(str(measure("decoding", paths, weights, cores=1)["cpu"]))
    encoding = float(str(measure("encoding:torch", paths, weights, cores=1)["cpu"]))
    ratio = whole / (decoding + encoding)
    print(
        f"  extraction {whole:.2f} s, decoding alone {decoding:.2f} s, encoding alone "
        f"{encoding:.2f} s: {ratio:.2f} times their sum",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", nargs="*", type=Path, help="clips of another case")
    parser.add_argument("--small", action="store_true", help="shorter and fewer clips")
    parser.add_argument("--decoders", action="store_true", help="only compare decoders")
    for hidden in ("--only", "--out"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        first, *paths = arguments.videos
        run_one(arguments.only, first, paths, Path(arguments.out))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cases = make_cases(folder, small=arguments.small)
        if arguments.videos:
            cases["given"] = arguments.videos
        weights = folder / "resnet50.pth"
        if not arguments.decoders:
            import torch
            from torchvision.models import resnet50

            torch.manual_seed(0)
            torch.save(resnet50().state_dict(), weights)
        stuck: set[str] = set()
        few = [folder / FIRST]
        for case, paths in cases.items():
            compare_decoders(case, paths, folder, stuck)
            if not arguments.decoders:
                compare_parts(paths, weights, few)


if __name__ == "__main__":
    main()
