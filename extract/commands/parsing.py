"""Parsing of the options of `mmgcn extract`. Each function raises typer.BadParameter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from extract.commands.usage import refuse_options

if TYPE_CHECKING:
    from extract.catalogue import Catalogue, IdFrom
    from extract.config import Engine, ExtractConfig


def catalogue_of(
    videos: list[str], list_file: Path | None, captions: Path | None, id_from: IdFrom
) -> Catalogue:
    """Return the items of VIDEOS, of --list, or of --captions alone."""
    from extract.catalogue import (
        parse_file_list,
        read_catalogue,
        read_catalogue_from_captions,
        read_catalogue_from_list,
    )

    if captions is not None and not videos and list_file is None:
        refuse_options(
            "id_from", "posters", "sprites", because="a table of captions names no files"
        )
        return read_catalogue_from_captions(captions)
    if bool(videos) == (list_file is not None):
        raise typer.BadParameter(
            "name a folder or files, or a --list, and not both; or --captions alone",
            param_hint="VIDEOS",
        )
    if list_file is None and videos != ["-"]:
        return read_catalogue(videos if len(videos) > 1 else videos[0], captions, id_from=id_from)
    if list_file is not None:
        return read_catalogue_from_list(list_file, captions, id_from=id_from)
    if sys.stdin is None:
        raise ValueError("standard input is closed; name videos, or --list FILE")
    # These are names of files, not patterns.
    return read_catalogue(parse_file_list(sys.stdin.buffer.read()), captions, id_from=id_from)


def check_images(config: ExtractConfig, videos: list[str]) -> None:
    """Refuse a folder of posters or sprites among the videos: the next run would read them."""
    if len(videos) != 1 or not Path(videos[0]).is_dir():
        return
    for name in ("posters", "sprites"):
        folder = getattr(config, name)
        if folder and Path(folder).resolve().is_relative_to(Path(videos[0]).resolve()):
            raise typer.BadParameter(
                f"{folder} is inside {videos[0]}, where the next run would read {name} as items; "
                "choose a folder elsewhere",
                param_hint=f"--{name}",
            )


def encoder_of(text: str) -> tuple[str, str]:
    """Return the modality and the encoder's name from MODALITY=NAME[:WEIGHTS]."""
    modality, equals, name = text.partition("=")
    if not (modality and equals and name):
        raise typer.BadParameter(
            f"'{text}' is not MODALITY=NAME[:WEIGHTS], for example visual=resnet50:weights.pth",
            param_hint="--encoder",
        )
    return modality, name


def comma_separated(text: str) -> tuple[str, ...]:
    """Return the words between commas.

    >>> comma_separated("v, a,")
    ('v', 'a')
    """
    return tuple(word.strip() for word in text.split(",") if word.strip())


def engine_of(text: str) -> tuple[Engine, bool]:
    """Return the runtime of the networks, and whether everything runs on Ray.

    One option sets both, since their names differ: `--engine ray` and `--engine onnx` are both
    complete.
    """
    known: dict[str, tuple[str, ...]] = {"where": ("local", "ray"), "network": ("torch", "onnx")}
    given: dict[str, list[str]] = {kind: [] for kind in known}
    for word in (word.strip() for word in text.split(",")):
        kind = next((kind for kind, names in known.items() if word in names), None)
        if kind is None:
            raise typer.BadParameter(
                f"'{word}' is not one of torch, onnx, local, ray", param_hint="--engine"
            )
        given[kind].append(word)
        if len(given[kind]) > 1:
            raise typer.BadParameter(
                f"{' and '.join(given[kind])} exclude each other", param_hint="--engine"
            )
    network: Engine = "onnx" if given["network"] == ["onnx"] else "torch"
    return network, given["where"] == ["ray"]


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse an unknown value of an option."""
    if value not in known:
        raise typer.BadParameter(
            f"'{value}' is not one of {', '.join(known)}", param_hint=f"--{option}"
        )


def shard_of(text: str | None) -> tuple[int, int]:
    """Return i and n of I/N; 1 and 1 without an option."""
    if text is None:
        return 1, 1
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise typer.BadParameter(
            f"'{text}' is not i/n with i from 1 to n, for example 1/4", param_hint="--shard"
        )
    return int(first), int(second)
