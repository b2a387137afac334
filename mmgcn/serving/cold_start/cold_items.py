"""Unseen: videos that the run does not know, extracted as its own were and placed among them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extract.modality import MODALITIES
from extract.store import FeatureSet, FeatureStore
from mmgcn.run import Run
from mmgcn.serving.cold_start.projection import Projection

PRESETS = ("paper", "offline")
SAMPLING = {"num_frames": "--num-frames", "fps": "--fps", "every_nth": "--every-nth"}


class UnseenError(ValueError):
    """A video that cannot be placed; the message says why and what to do."""


def vectors(
    run: Run, videos: Sequence[Path], *, store: Path | None = None, encoders: Sequence[str] = ()
) -> np.ndarray:
    """Return where videos that the run does not know lie among its items.

    They are extracted in another process, with the encoders and the sampling that the run's own
    features have, and projected (see `Projection`). Takes seconds: encoders are loaded.

    Args:
        store: where the features of the run lie now, if not where they lay when it was trained.
        encoders: MODALITY=NAME:WEIGHTS as in `mmgcn extract`, where the run's features have weights
            that no preset names.

    Shapes:
        the result: (N, d), in the order of the videos.

    Raises:
        UnseenError: the run has no features of a store, or the store no longer holds them; other
            encoders than the run's; or a video that cannot be read.
    """
    for video in videos:
        if not video.is_file():
            raise UnseenError(f"no video at {video}")
    own = dict(_own_sets(run, store))
    with tempfile.TemporaryDirectory(prefix="mmgcn-") as folder:
        sets = _extracted(videos, own, Path(folder) / "features", encoders)
        ids = [video.stem for video in videos]
        new = {name: features.align(ids) for name, features in sets.items()}
    for place, video in enumerate(videos):
        if not any(aligned.present[place] for aligned in new.values()):
            raise UnseenError(f"nothing was found in {video}: no {', no '.join(new)} features")
    items = run.items.ids.to_list()
    known = {name: features.align(items) for name, features in own.items()}
    projection = Projection.learned(
        {name: aligned.features for name, aligned in known.items()},
        {name: aligned.present for name, aligned in known.items()},
        run.item,
    )
    return projection.vectors(
        {name: aligned.features for name, aligned in new.items()},
        {name: aligned.present for name, aligned in new.items()},
    )


def _own_sets(run: Run, store: Path | None) -> Iterator[tuple[str, FeatureSet]]:
    """Yield the feature sets that the run was trained on, those that came from a store."""
    sources = {n: source for n, source in run.config["features"].items() if "store" in source}
    if not sources:
        raise UnseenError(
            f"the run at {run.path} knows no features that were extracted, so a new video cannot "
            "be compared; fit with --features DIR"
        )
    for name, source in sources.items():
        root = store or Path(source["store"])
        found = [
            features
            for features in FeatureStore(root).all_sets()
            if features.manifest["modality"] == name and features.digest == source["digest"]
        ]
        if not found:
            raise UnseenError(
                f"{root} no longer holds the {name} features that the run was trained on "
                f"({source['encoder']}-{source['digest']}); extract them again, or fit again"
            )
        yield name, found[0]


def _extracted(
    videos: Sequence[Path], own: dict[str, FeatureSet], out: Path, encoders: Sequence[str]
) -> dict[str, FeatureSet]:
    """Extract the videos; the sets are held against the run's own, for weights tell on them."""
    told = "no preset has the encoders of the run"
    for preset in _presets(own, encoders):
        words = [*map(str, videos), "--out", str(out), "--json", *_options(own, encoders)]
        done = subprocess.run(
            [sys.executable, "-m", "mmgcn", "extract", *words, "--preset", preset],
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            report: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            told = (done.stderr.strip().splitlines() or ["extraction ended without a word"])[-1]
            continue
        if report["failures"]:
            failure = report["failures"][0]
            raise UnseenError(f"{failure['path']} cannot be extracted: {failure['reason']}")
        made = {name: FeatureSet(Path(path)) for name, path in report["sets"].items()}
        others = [name for name in own if made[name].path.name != own[name].path.name]
        if not others:
            return {name: made[name] for name in own}
        told = (
            f"{others[0]} features came out as {made[others[0]].path.name}, the run was trained on "
            f"{own[others[0]].path.name}"
        )
    told = told.removeprefix("error: ")
    raise UnseenError(
        f"the videos cannot be extracted as those of the run were: {told}; name its encoders and "
        "weights with --encoder MODALITY=NAME:WEIGHTS"
    )


def _presets(own: dict[str, FeatureSet], encoders: Sequence[str]) -> Iterator[str]:
    """Yield the presets that have the run's encoders, by name; weights are looked at later."""
    given = {words.partition("=")[0] for words in encoders}
    for preset in PRESETS:
        if all(
            MODALITIES.get(name).presets.get(preset, "").partition(":")[0]
            == features.manifest["encoder"]
            for name, features in own.items()
            if name not in given
        ):
            yield preset


def _options(own: dict[str, FeatureSet], encoders: Sequence[str]) -> list[str]:
    """Return the options under which the run's own features were extracted."""
    words = ["--modality", ",".join(own), "--dtype", next(iter(own.values())).manifest["dtype"]]
    for given in encoders:
        words += ["--encoder", given]
    for features in own.values():
        for name, value in (features.manifest.get("sampling") or {}).items():
            if value and name in SAMPLING:
                words += [SAMPLING[name], str(value)]
            elif value and name == "keyframes":
                words.append("--keyframes")
        if "sampling" in features.manifest:
            break
    return words
