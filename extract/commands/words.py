"""What the words of `mmgcn extract` stand for. Each raises typer.BadParameter for wrong ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from extract.catalog import Catalog
    from extract.cluster import Cluster
    from extract.encoder import Engine
    from extract.media import Sampling


def catalog_of(
    videos: list[str], list_file: Path | None, captions: Path | None, id_from: Any
) -> Catalog:
    """Return what VIDEOS or --list name."""
    from extract.catalog import files_in, read_catalog, read_list

    if bool(videos) == (list_file is not None):
        raise typer.BadParameter(
            "name a folder or files, or a --list, and not both", param_hint="VIDEOS"
        )
    if list_file is None and videos != ["-"]:
        return read_catalog(videos if len(videos) > 1 else videos[0], captions, id_from=id_from)
    if list_file is not None:
        return read_list(list_file, captions, id_from=id_from)
    if sys.stdin is None:
        raise ValueError("standard input is closed; name videos, or --list FILE")
    # Files, not text: what comes so holds no patterns.
    return read_catalog(files_in(sys.stdin.buffer.read()), captions, id_from=id_from)


def check_posters(posters: Path | None, videos: list[str]) -> None:
    """Refuse posters among the videos: the next run would take them for items."""
    if posters is None or len(videos) != 1 or not Path(videos[0]).is_dir():
        return
    if posters.resolve().is_relative_to(Path(videos[0]).resolve()):
        raise typer.BadParameter(
            f"{posters} lies in {videos[0]}, where the next run would take posters for items; "
            "name a folder elsewhere",
            param_hint="--posters",
        )


def encoder_of(words: str) -> tuple[str, str]:
    """Return the modality and the encoder, perhaps with its weights, of MODALITY=NAME[:WEIGHTS]."""
    modality, equals, name = words.partition("=")
    if not (modality and equals and name):
        raise typer.BadParameter(
            f"'{words}' is not MODALITY=NAME[:WEIGHTS], for example visual=resnet50:weights.pth",
            param_hint="--encoder",
        )
    return modality, name


def sampling_of(
    num_frames: int | None, fps: float | None, every_nth: int | None, keyframes: bool
) -> Sampling:
    """Return which frames the one rule that was given takes; the usual ones without a rule."""
    from extract.media import Sampling

    rules = {
        "--num-frames": num_frames,
        "--fps": fps,
        "--every-nth": every_nth,
        "--keyframes": keyframes or None,
    }
    given = [name for name, value in rules.items() if value is not None]
    if len(given) > 1:
        raise typer.BadParameter(f"one of {', '.join(rules)}", param_hint=" and ".join(given))
    try:
        return Sampling(num_frames=num_frames, fps=fps, every_nth=every_nth, keyframes=keyframes)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=given[0]) from error


def engine_of(
    words: str, address: str | None, num_cpus: float | None, num_gpus: float | None
) -> tuple[Engine, Cluster | None]:
    """Return what runs the networks, and the cluster that runs all of it, if one does.

    One option for both, since a person asks one question, what does the work, and no word of one
    answer is one of the other: `--engine ray` and `--engine onnx` both say all there is to say.
    """
    known: dict[str, tuple[str, ...]] = {"where": ("local", "ray"), "network": ("torch", "onnx")}
    given: dict[str, list[str]] = {kind: [] for kind in known}
    for word in (word.strip() for word in words.split(",")):
        kind = next((kind for kind, names in known.items() if word in names), None)
        if kind is None:
            raise typer.BadParameter(
                f"'{word}' is none of torch, onnx, local, ray", param_hint="--engine"
            )
        given[kind].append(word)
        if len(given[kind]) > 1:
            raise typer.BadParameter(
                f"{' and '.join(given[kind])} exclude each other", param_hint="--engine"
            )
    options = {
        "--address": address,
        "--num-cpus-per-worker": num_cpus,
        "--num-gpus-per-worker": num_gpus,
    }
    network: Any = (given["network"] or ["torch"])[0]
    if given["where"] != ["ray"]:
        for option, value in options.items():
            if value is not None:
                raise typer.BadParameter("needs --engine ray", param_hint=option)
        return network, None

    from extract.cluster import Cluster

    return network, Cluster(address, num_cpus, num_gpus or 0.0)


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that is none of those that an option knows."""
    if value not in known:
        raise typer.BadParameter(
            f"'{value}' is none of {', '.join(known)}", param_hint=f"--{option}"
        )


def shard_of(words: str | None) -> tuple[int, int]:
    """Return i and n of I/N; 1 and 1 where everything is one part."""
    if words is None:
        return 1, 1
    first, _, second = words.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise typer.BadParameter(
            f"'{words}' is not i/n with i from 1 to n, for example 1/4", param_hint="--shard"
        )
    return int(first), int(second)
