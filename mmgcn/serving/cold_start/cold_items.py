"""Cold items: vectors of videos that are not in the run, from their extracted features."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from extract.catalogue import Item, read_catalogue
from extract.config import ExtractConfig, TokenPooling
from extract.modality import MODALITIES
from extract.store import FeatureSet, FeatureStore, NoFeatures
from mmgcn.run import Run
from mmgcn.serving.cold_start.projection import Projection

if TYPE_CHECKING:
    from extract.pipeline import Report

PRESETS = ("paper", "offline")
Encoders = Mapping[str, str] | Sequence[tuple[str, str]]


class ColdItemError(ValueError):
    """A video without a vector; the message says why and what to do."""


def item_vectors(
    run: Run,
    videos: Sequence[Path],
    *,
    store: Path | None = None,
    encoders: Encoders = (),
    speech: str | None = None,
) -> np.ndarray:
    """Return vectors of videos that are not in a run, in the space of its item vectors.

    The videos are extracted with the encoders and settings of the run's own features, as their
    manifests record them, and projected (see `Projection`). Takes seconds, to load the encoders.

    Args:
        videos: paths of the videos.
        store: feature store of the run, if it was moved since the training.
        encoders: NAME:WEIGHTS by modality, tried before the encoders in the manifests, such as for
            weights that were moved.
        speech: Whisper network that transcribes videos without a caption; see `ExtractConfig`.

    Shapes:
        the result: (N, d), in the order of the videos.

    Raises:
        ColdItemError: the run has no features from a store, or the store no longer contains them;
            no encoder gives the run's features; or a video cannot be read.
    """
    for video in videos:
        if not video.is_file():
            raise ColdItemError(f"no video at {video}")
    own = dict(_own_sets(run, store))
    items = [replace(_item(video), id=str(index)) for index, video in enumerate(videos)]
    with tempfile.TemporaryDirectory(prefix="mmgcn-") as folder:
        sets = _extracted(items, own, Path(folder) / "features", encoders, speech)
        new = {name: features.align([item.id for item in items]) for name, features in sets.items()}
    for index, video in enumerate(videos):
        if not any(aligned.present[index] for aligned in new.values()):
            raise ColdItemError(f"{video} has no {', no '.join(new)} features")
    run_ids = run.items.ids.to_list()
    known = {name: features.align(run_ids) for name, features in own.items()}
    projection = Projection.fit(
        {name: aligned.features for name, aligned in known.items()},
        {name: aligned.present for name, aligned in known.items()},
        run.item_vectors,
    )
    return projection.vectors(
        {name: aligned.features for name, aligned in new.items()},
        {name: aligned.present for name, aligned in new.items()},
    )


def _item(video: Path) -> Item:
    """Return a video with the caption beside it, if there is one."""
    (item,) = read_catalogue(video).items
    return item


def _own_sets(run: Run, store: Path | None) -> Iterator[tuple[str, FeatureSet]]:
    """Yield the feature sets that the run was trained on, by modality."""
    sources = {n: source for n, source in run.config["features"].items() if "store" in source}
    if not sources:
        raise ColdItemError(
            f"the run at {run.path} was trained without extracted features, so a new video cannot "
            "be compared; fit with features from a store"
        )
    for name, source in sources.items():
        root = store or Path(source["store"])
        try:
            sets = list(FeatureStore(root).all_sets())
        except NoFeatures:  # the store was moved or removed
            sets = []
        found = [
            features
            for features in sets
            if features.manifest["modality"] == name and features.digest == source["digest"]
        ]
        if not found:
            raise ColdItemError(
                f"{root} no longer contains the {name} features that the run was trained on "
                f"({source['encoder']}-{source['digest']}); extract them again, fit again, or name "
                "the folder that it was moved to"
            )
        yield name, found[0]


def _extracted(
    items: Sequence[Item],
    own: Mapping[str, FeatureSet],
    out: Path,
    encoders: Encoders,
    speech: str | None,
) -> dict[str, FeatureSet]:
    """Return features of the items, in sets with the digests of the run's sets.

    Clips are decoded in worker processes, as in `mmgcn extract`; modalities with equal settings
    share one pass. The digest shows whether an encoder has the weights of the run.
    """
    pairs = encoders.items() if isinstance(encoders, Mapping) else encoders
    chosen: dict[str, list[str]] = {}
    for name, encoder in pairs:
        chosen.setdefault(MODALITIES.get(name).name, []).append(encoder)
    candidates = {
        name: list(dict.fromkeys([*chosen.get(name, ()), *_encoders_of(name, features.manifest)]))
        for name, features in own.items()
    }
    settings = _settings_of(own, speech)
    reasons: dict[str, str] = {}  # of the first encoder that was tried
    found: dict[str, FeatureSet] = {}

    def attempt(tried: Sequence[tuple[str, str]]) -> None:
        config = ExtractConfig(
            modalities=[name for name, _ in tried], encoders=tried, **settings[tried[0][0]]
        )
        try:
            report = _extract(items, out, config)
        except (ValueError, LookupError, OSError, ImportError) as error:
            if len(tried) == 1:  # such as missing weights; another encoder may succeed
                reasons.setdefault(tried[0][0], str(error))
                return
            for pair in tried:
                attempt([pair])
            return
        if report.failures:
            failure = report.failures[0]
            raise ColdItemError(f"{failure.path} cannot be extracted: {failure.reason}")
        for name, _ in tried:
            features = FeatureSet(report.sets[name])
            if _identity(features.manifest) == _identity(own[name].manifest):
                found[name] = features
            reasons.setdefault(
                name,
                f"{name} features came out as {features.path.name}, the run was trained on "
                f"{own[name].path.name}",
            )

    while remaining := [name for name in own if name not in found and candidates[name]]:
        pairs_to_try = [(name, candidates[name].pop(0)) for name in remaining]
        for shared in {id(settings[name]): settings[name] for name in remaining}.values():
            attempt([pair for pair in pairs_to_try if settings[pair[0]] is shared])
    absent = [name for name in own if name not in found]
    if absent:
        reason = reasons.get(absent[0], "no preset has the encoders of the run")
        raise ColdItemError(
            f"the videos cannot be extracted as those of the run were: {reason}; name the "
            "encoders and weights of the run with `encoders`, as MODALITY=NAME:WEIGHTS"
        )
    return {name: found[name] for name in own}


def _identity(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that determine the rows of a feature set.

    The path of a folder of weights is not among them: the provenance contains the network and
    hashes of its weights, so that a renamed folder is the same encoder.
    """
    found = {name: value for name, value in manifest.items() if name != "versions"}
    family, _, reference = manifest.get("versions", {}).get("named", "").partition(":")
    if Path(reference).is_absolute():
        found |= {"encoder": family, "provenance": found["provenance"] | {"encoder": family}}
    return found


def _encoders_of(name: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield possible names of a feature set's encoder, as after MODALITY=."""
    if named := manifest.get("versions", {}).get("named"):
        yield named
    encoder = manifest["encoder"]
    if ":" in encoder:  # of a family, by its name on the hub
        yield encoder
    for preset in PRESETS:
        named = MODALITIES.get(name).presets.get(preset, "")
        if named.partition(":")[0] == encoder:
            yield named


def _settings_of(own: Mapping[str, FeatureSet], speech: str | None) -> dict[str, dict[str, Any]]:
    """Return the settings of an extraction by modality; equal settings are the same object."""
    manifests = {name: features.manifest for name, features in own.items()}
    frames = [m["sampling"] for m in manifests.values() if m.get("reads") == "frames"]
    known: list[dict[str, Any]] = []
    found: dict[str, dict[str, Any]] = {}
    for name, manifest in manifests.items():
        pooling = manifest["provenance"].get("pooling")
        settings = {
            "dtype": manifest["dtype"],
            "precision": manifest.get("precision", "float32"),
            "speech": speech if manifest.get("reads") == "text" else None,
            "pooling": pooling if pooling in get_args(TokenPooling) else None,
            **(manifest["sampling"] if manifest.get("reads") == "frames" else (frames or [{}])[0]),
        }
        if settings not in known:
            known.append(settings)
        found[name] = known[known.index(settings)]
    return found


def _extract(items: Sequence[Item], out: Path, config: ExtractConfig) -> Report:
    from extract.pipeline import extract_features

    report = extract_features(items, out, config)
    if report.interrupted:
        raise KeyboardInterrupt
    return report
