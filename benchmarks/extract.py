"""Time extraction beside baselines, on the same clips and frames.

    python benchmarks/extract.py [VIDEOS] [--limit 24] [--repeat 2]

In the baselines, OpenCV decodes every frame of each clip, PIL resizes the sixteen sampled ones, and
ResNet50 encodes them in eager torch, a clip or a single frame at a time. Many extractors first
re-encode each clip for a constant frame rate; that is the third baseline. Ours is
`extract_features`. All use the same ResNet50 with random weights: the values do not change how
long a frame takes.

Each measurement runs in a process of its own, pinned to one core or to two, `--repeat` times in
turn; the best time counts. `cpu` is processor time of a process and its children, which other work
on the machine hardly changes; on one core the ratios are computed from it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NUM_FRAMES, BATCH = 16, 16
GFLOP_A_FRAME = 8.178  # ResNet50 at 224 x 224, two operations a multiply-add
PRECISIONS = ("bfloat16", "int8")
KINDS = ("torch", "onnx", *PRECISIONS)  # of networks, the first two in float32
WAYS = ("re-encoded, a frame", "a frame", "a clip")
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # replace this folder, whose extract.py would shadow the package


# --- the plain way ---


def plain(
    videos: list[Path], weights: Path, *, batch: int, scratch: Path | None = None
) -> dict[str, object]:
    import cv2
    import numpy as np
    import torch
    from PIL import Image
    from torchvision import transforms
    from torchvision.models import resnet50

    network = resnet50()
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.fc = torch.nn.Identity()
    network.eval()
    preprocess = transforms.Compose(
        [
            transforms.Resize(232),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    rows = {}
    started = clock()
    for video in videos:
        path = video if scratch is None else re_encode(video, scratch / "re-encoded.mp4")
        capture = cv2.VideoCapture(str(path))
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        indices = {(2 * i + 1) * count // (2 * NUM_FRAMES) for i in range(NUM_FRAMES)}
        images = []
        index = 0
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            if index in indices:
                rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
                images.append(preprocess(Image.fromarray(rgb)))
            index += 1
        capture.release()
        with torch.no_grad():
            parts = [
                network(torch.stack(images[at : at + batch])).numpy()
                for at in range(0, len(images), batch)
            ]
        rows[video.stem] = np.concatenate(parts)
    return {**since(started), "num_rows": sum(map(len, rows.values())), "rows": rows}


def re_encode(video: Path, path: Path) -> Path:
    """Encode the frames once more, with the defaults of FFmpeg."""
    import av

    with av.open(video) as old, av.open(path, "w") as new:
        source = old.streams.best("video")
        assert source is not None
        stream = new.add_stream("libx264", rate=source.average_rate)
        stream.width, stream.height = source.width // 2 * 2, source.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        for index, frame in enumerate(old.decode(source)):
            frame.pts, frame.time_base = index, 1 / stream.codec_context.framerate
            frame.pict_type = 0
            new.mux(stream.encode(frame))
        new.mux(stream.encode(None))
    return path


# --- ours ---


def ours(
    videos: list[Path], weights: Path, *, how: str, workers: int, store: Path
) -> dict[str, object]:
    """Extract with an engine, or with torch in a precision."""
    from extract import ExtractConfig, extract_features, read_catalogue
    from extract.store import FeatureStore

    catalogue = read_catalogue(videos)
    started = clock()
    extract_features(
        catalogue.items,
        store,
        root=catalogue.root,
        config=ExtractConfig(
            modalities=["visual"],
            encoders={"visual": f"resnet50:{weights}"},
            device="cpu",
            engine="onnx" if how == "onnx" else "torch",
            precision=how if how in PRECISIONS else "float32",  # type: ignore[arg-type]
            dtype="float32",
            workers=workers,
        ),
    )
    spent = since(started)
    features = FeatureStore(store).feature_set("visual")
    rows = {name: features.read(name) for name in features.records}
    return {**spent, "num_rows": sum(map(len, rows.values())), "rows": rows}


def decoding(videos: list[Path], weights: Path) -> dict[str, object]:
    """Decode and resize, as a worker does, and encode nothing."""
    from extract.encoders.resnet50 import ResNet50
    from extract.media import Limits, Sampling
    from extract.workers.decoder import ClipDecoder
    from extract.workers.messages import Job, UnitsOf

    decoder = ClipDecoder([ResNet50(str(weights))], sampling=Sampling(), limits=Limits())
    list(decoder.read(Job(0, "warm", videos[0], (0,))))
    num_rows = 0
    started = clock()
    for index, video in enumerate(videos):
        for message in decoder.read(Job(index, video.stem, video, (0,))):
            num_rows += len(message.units) if isinstance(message, UnitsOf) else 0
    return {**since(started), "num_rows": num_rows}


def encoding(num_rows: int, weights: Path, *, how: str) -> dict[str, object]:
    """Encode as many frames of noise, in full batches."""
    import numpy as np

    from extract.encoders.resnet50 import ResNet50

    encoder = ResNet50(str(weights))
    if how in PRECISIONS:
        encoder.precision = how  # type: ignore[assignment]
    encoder.load("cpu", engine="onnx" if how == "onnx" else "torch")
    units = np.random.default_rng(0).integers(0, 256, (BATCH, 3, 224, 224), dtype=np.uint8)
    encoder.encode(units)
    started = clock()
    for _ in range(num_rows // BATCH):
        encoder.encode(units)
    return {**since(started), "num_rows": num_rows // BATCH * BATCH}


def peak() -> float:
    """GFLOP/s of a large float32 matrix product."""
    import torch

    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    torch.mm(a, b)
    started = clock()
    for _ in range(40):
        torch.mm(a, b)
    return 40 * 2 * 1024**3 / 1e9 / since(started)["cpu"]


# --- measuring ---


def clock() -> tuple[float, float]:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in (own, children))


def since(started: tuple[float, float]) -> dict[str, float]:
    return {
        name: now - then for name, now, then in zip(("wall", "cpu"), clock(), started, strict=True)
    }


def measure(what: str, videos: list[Path], weights: Path, *, cores: int) -> dict[str, object]:
    """Run one of the ways in a process of its own on so many cores."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as rows:
        words = [sys.executable, __file__, *map(str, videos), "--weights", str(weights)]
        done = subprocess.run(
            [*words, "--only", what, "--cores", str(cores), "--rows", rows.name],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(cores)},
            stdout=subprocess.PIPE,
            check=True,
        )
        import numpy as np

        measured: dict[str, object] = json.loads(done.stdout)
        if Path(rows.name).stat().st_size:
            with np.load(rows.name) as archive:
                measured["rows"] = dict(archive)
        return measured


def run_one(arguments: argparse.Namespace, videos: list[Path]) -> None:
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: arguments.cores]))
    weights = arguments.weights
    what, _, detail = arguments.only.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        if what == "plain":
            measured = plain(videos, weights, batch=int(detail))
        elif what == "re-encoded":
            measured = plain(videos, weights, batch=1, scratch=Path(folder))
        elif what == "ours":
            store = Path(folder) / "features"
            measured = ours(videos, weights, how=detail, workers=arguments.cores, store=store)
        elif what == "decoding":
            measured = decoding(videos, weights)
        elif what == "encoding":
            measured = encoding(len(videos) * NUM_FRAMES, weights, how=detail)
        else:
            measured = {"gflops": peak(), "wall": 0, "cpu": 0}
        rows = measured.pop("rows", None)
        if rows is not None:
            import numpy as np

            with arguments.rows.open("wb") as file:
                np.savez(file, **rows)  # type: ignore[arg-type]
    print(json.dumps(measured))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", nargs="*", type=Path, default=[ROOT / "assets" / "videos"])
    parser.add_argument("--limit", type=int, default=24, help="how many clips")
    parser.add_argument("--repeat", type=int, default=2)
    for hidden in ("--only", "--cores", "--weights", "--rows"):
        kind = {"--cores": int, "--only": str}.get(hidden, Path)
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        run_one(arguments, arguments.videos)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(readable(arguments.videos)[: arguments.limit], Path(folder), arguments.repeat)


def readable(videos: list[Path]) -> list[Path]:
    """The clips that OpenCV can read, too."""
    import cv2

    from extract import read_catalogue

    catalogue = read_catalogue(videos[0] if len(videos) == 1 else videos)
    paths = [item.path for item in catalogue.items if item.path is not None]
    return [path for path in paths if cv2.VideoCapture(str(path)).read()[0]]


def compare(videos: list[Path], folder: Path, repeat: int) -> None:
    import torch
    from torchvision.models import resnet50

    torch.manual_seed(0)
    weights = folder / "resnet50.pth"
    torch.save(resnet50().state_dict(), weights)
    few = videos[:2]
    ways = [
        ("plain, re-encoded, a frame at a time", "re-encoded", videos, 1),
        ("plain, a frame at a time", "plain:1", videos, 1),
        ("plain, a clip at a time", f"plain:{BATCH}", videos, 1),
        *((f"ours, {kind}", f"ours:{kind}", videos, 1) for kind in KINDS),
        *((f"ours, {kind}, two clips", f"ours:{kind}", few, 1) for kind in KINDS[:2]),
        ("decoding alone", "decoding", videos, 1),
        *((f"encoding alone, {kind}", f"encoding:{kind}", videos, 1) for kind in KINDS),
        ("matrix product", "peak", few, 1),
        ("plain, a clip at a time, two cores", f"plain:{BATCH}", videos, 2),
        ("ours, torch, two cores", "ours:torch", videos, 2),
        ("ours, torch, two clips, two cores", "ours:torch", few, 2),
    ]
    measured: dict[str, list[dict[str, object]]] = {name: [] for name, *_ in ways}
    for turn in range(repeat):
        for name, what, clips, cores in ways:
            measured[name].append(measure(what, clips, weights, cores=cores))
            print(f"{turn + 1}/{repeat} {name}", file=sys.stderr)
    best = {
        name: {key: min(float(run[key]) for run in runs) for key in ("wall", "cpu")}  # type: ignore[arg-type]
        for name, runs in measured.items()
    }
    num_rows = int(str(measured["ours, torch"][0]["num_rows"]))
    print(f"{len(videos)} clips, {num_rows} frames; the best of {repeat}\n")
    print(f"{'':38} {'wall s':>8} {'cpu s':>8} {'frames/s':>9}")
    for name, spent in best.items():
        if name != "matrix product":
            rows = int(str(measured[name][0]["num_rows"]))
            print(f"{name:38} {spent['wall']:8.1f} {spent['cpu']:8.1f} {rows / spent['wall']:9.1f}")
    print_ratios(best, measured, num_rows)


def print_ratios(
    best: dict[str, dict[str, float]],
    measured: dict[str, list[dict[str, object]]],
    num_rows: int,
) -> None:
    def cpu(name: str) -> float:
        return best[name]["cpu"]

    print("\non one core, by processor time, start-up and loading included:")
    for engine in ("torch", "onnx"):
        for way in WAYS:
            ratio = cpu(f"plain, {way} at a time") / cpu(f"ours, {engine}")
            print(f"  plain, {way} at a time / ours, {engine}: {ratio:.2f}")
    for precision in PRECISIONS:
        ratio = cpu("ours, torch") / cpu(f"ours, {precision}")
        print(f"  ours, torch, in float32 / in {precision}: {ratio:.2f}")
    print("without start-up (all clips less two):")
    few_rows = int(str(measured["ours, torch, two clips"][0]["num_rows"]))
    share = (num_rows - few_rows) / num_rows
    for engine in ("torch", "onnx"):
        steady = cpu(f"ours, {engine}") - cpu(f"ours, {engine}, two clips")
        bound = (cpu("decoding alone") + cpu(f"encoding alone, {engine}")) * share
        print(f"  decoding alone + encoding alone / ours, {engine}: {bound / steady:.2f}")
        for way in WAYS:
            ratio = cpu(f"plain, {way} at a time") * share / steady
            print(f"  plain, {way} at a time / ours, {engine}: {ratio:.2f}")
    gflops = max(float(str(run["gflops"])) for run in measured["matrix product"])
    for engine in ("torch", "onnx"):
        rate = num_rows * GFLOP_A_FRAME / cpu(f"encoding alone, {engine}")
        print(f"  ResNet50, {engine}: {rate:.0f} of {gflops:.0f} GFLOP/s, {rate / gflops:.0%}")
    print("two cores, by the clock (of no use on a machine that does other work):")
    one = best["ours, torch"]["wall"] - best["ours, torch, two clips"]["wall"]
    two = best["ours, torch, two cores"]["wall"] - best["ours, torch, two clips, two cores"]["wall"]
    print(f"  ours on one / ours on two, without start-up: {one / two:.2f}")
    both = (
        best["plain, a clip at a time, two cores"]["wall"] / best["ours, torch, two cores"]["wall"]
    )
    print(f"  plain, a clip at a time, on two / ours on two: {both:.2f}")
    print_differences(measured)


def print_differences(measured: dict[str, list[dict[str, object]]]) -> None:
    """How far the features of the ways are from each other, clip by clip."""
    import numpy as np

    print("largest difference of a row to ours with torch, relative to the row's length:")
    ours_rows: dict[str, np.ndarray] = measured["ours, torch"][0]["rows"]  # type: ignore[assignment]
    for name in ("ours, onnx", "plain, a clip at a time", "plain, a frame at a time"):
        rows: dict[str, np.ndarray] = measured[name][0]["rows"]  # type: ignore[assignment]
        apart = [
            np.linalg.norm(rows[clip] - own, axis=1) / np.linalg.norm(own, axis=1)
            for clip, own in ours_rows.items()
            if rows[clip].shape == own.shape
        ]
        largest = max(float(part.max()) for part in apart)
        near = sum(float(part.max()) < 1e-3 for part in apart)
        print(f"  {name}: {largest:.1e}; below 1e-3 in {near} of {len(ours_rows)} clips")


if __name__ == "__main__":
    main()
