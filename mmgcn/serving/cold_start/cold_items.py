"""Cold items: vectors of videos that are not in the run, from their extracted features."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.catalog import Item, read_catalog
from extract.config import ExtractConfig
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
    run: Run, videos: Sequence[Path], *, store: Path | None = None, encoders: Encoders = ()
) -> np.ndarray:
    """Return vectors, among the item vectors of a run, of videos that are not in it.

    The videos are extracted with the encoders and the sampling of the run's own features, and
    projected (see `Projection`). Takes seconds: encoders are loaded.

    Args:
        store: the feature store of the run, if it was moved since the training.
        encoders: NAME:WEIGHTS by modality, where the run's features have weights that belong to no
            preset.

    Shapes:
        the result: (N, d), in the order of the videos.

    Raises:
        ColdItemError: the run has no features from a store, or the store no longer contains them;
            other encoders than the run's; or a video that cannot be read.
    """
    for video in videos:
        if not video.is_file():
            raise ColdItemError(f"no video at {video}")
    own = dict(_own_sets(run, store))
    items = [replace(_item(video), id=str(index)) for index, video in enumerate(videos)]
    with tempfile.TemporaryDirectory(prefix="mmgcn-") as folder:
        sets = _extracted(items, own, Path(folder) / "features", encoders)
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
    (item,) = read_catalog(video).items
    return item


def _own_sets(run: Run, store: Path | None) -> Iterator[tuple[str, FeatureSet]]:
    """Yield, by modality, the feature sets from a store that the run was trained on."""
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
    items: Sequence[Item], own: Mapping[str, FeatureSet], out: Path, encoders: Encoders
) -> dict[str, FeatureSet]:
    """Return features of the items, in sets whose digests are those of the run's sets.

    Clips are decoded in worker processes, as in `mmgcn extract`.
    """
    reason = "no preset has the encoders of the run"
    for config in _configs(own, encoders):
        try:
            report = _extract(items, out, config)
        except (ValueError, LookupError, OSError, ImportError) as error:
            reason = str(error)  # such as weights that are not here; another preset may do
            continue
        if report.failures:
            failure = report.failures[0]
            raise ColdItemError(f"{failure.path} cannot be extracted: {failure.reason}")
        sets = {name: FeatureSet(path) for name, path in report.sets.items()}
        others = [name for name in own if sets[name].path.name != own[name].path.name]
        if not others:
            return {name: sets[name] for name in own}
        reason = (
            f"{others[0]} features came out as {sets[others[0]].path.name}, the run was trained on "
            f"{own[others[0]].path.name}"
        )
    raise ColdItemError(
        f"the videos cannot be extracted as those of the run were: {reason}; name the encoders and "
        "weights of the run with `encoders`, as MODALITY=NAME:WEIGHTS"
    )


def _extract(items: Sequence[Item], out: Path, config: ExtractConfig) -> Report:
    from extract.pipeline import extract_features

    report = extract_features(items, out, config)
    if report.interrupted:
        raise KeyboardInterrupt
    return report


def _configs(own: Mapping[str, FeatureSet], encoders: Encoders) -> Iterator[ExtractConfig]:
    """Yield the settings, one per preset, that use encoders of the run's names.

    Whether they have the weights of the run, too, is known by the digests of the sets.
    """
    manifests = {name: features.manifest for name, features in own.items()}
    choices = tuple(encoders.items() if isinstance(encoders, Mapping) else encoders)
    chosen = {MODALITIES.get(name).name for name, _ in choices}
    sampling: dict[str, Any] = next(
        (m["sampling"] for m in manifests.values() if m.get("sampling")), {}
    )
    for preset in PRESETS:
        if all(
            MODALITIES.get(name).presets.get(preset, "").partition(":")[0] == manifest["encoder"]
            for name, manifest in manifests.items()
            if name not in chosen
        ):
            yield ExtractConfig(
                modalities=tuple(manifests),
                preset=preset,
                encoders=choices,
                dtype=next(iter(manifests.values()))["dtype"],
                **sampling,
            )
