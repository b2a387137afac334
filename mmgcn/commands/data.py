"""Data options of commands, and loading of the data set of a study."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from extract.commands.options import Flag, Flags
from extract.commands.usage import given_options, in_flags, refuse_options
from mmgcn.commands.options import parse_seed
from mmgcn.commands.output import print_message
from mmgcn.data.options import DataOptions

if TYPE_CHECKING:
    from mmgcn.data.dataset import Dataset

DATA_FLAGS: Flags = {
    "interactions": Flag(
        ("--interactions", "-i"), parse=str, show_default="interactions.csv", metavar="<path>"
    ),
    "columns": Flag(show_default="user_id, item_id, timestamp, rating"),
    "min_rating": Flag(show_default="every row counts"),
    "time_format": Flag(show_default="numbers or ISO dates"),
    "event_weights": Flag(show_default="impression=0,play=1,like=2,skip=-1"),
    "valid": Flag(
        help="Validation interactions; --interactions is then the training part.",
        parse=str,
        metavar="<path>",
    ),
    "test": Flag(parse=str, metavar="<path>"),
    "split": Flag(show_default="leave-last-out, or random without timestamps"),
    "split_seed": Flag(parse=parse_seed, show_default="0", metavar="<int>"),
    "features": Flag(metavar="<path>", show_default="./features, if it exists"),
    "first_id": Flag(show_default="0"),
    "k_core": Flag(min=0),
    "keep_removed_items": Flag(
        help="Keep items that --k-core removed as candidates, if they have features."
    ),
}
STUDY_DATA_FLAGS: Flags = {**DATA_FLAGS, "feedback": None, "event_weights": None}


def data_flags(*names: str) -> Flags:
    """Return the flags of a command that has only some fields of DataOptions."""
    return {
        each.name: DATA_FLAGS.get(each.name, Flag()) if each.name in names else None
        for each in fields(DataOptions)
    }


RANDOM_SPLITS = ("random", "cold-items")


def load_for_study(data: DataOptions) -> Dataset:
    """Return the data set of compare, ablate or tune, and print its notes.

    Raises:
        typer.BadParameter: a seed is given for a split without random draws.
    """
    from mmgcn.data.loading import load_dataset

    dataset = load_dataset(data)
    if "split_seed" in given_options() and dataset.split.name not in RANDOM_SPLITS:
        refuse_options("split_seed", because=f"the split {dataset.split.name} has no random draws")
    show_notes(dataset.notes)
    return dataset


def show_notes(notes: Iterable[str]) -> None:
    """Print notes on data to standard error, with names of arguments replaced by options."""
    flags = {each.name: f"--{each.name.replace('_', '-')}" for each in fields(DataOptions)}
    for note in notes:
        print_message(f"note: {in_flags(note, flags)}")


def refuse_without_held_out(dataset: Dataset) -> None:
    """Refuse data without a part to compare trainings on, before any training.

    Raises:
        ValueError: there is neither a validation nor a test part.
    """
    if len(dataset.split.valid) == 0 and len(dataset.split.test) == 0:
        raise ValueError(
            "there is neither a validation nor a test part to compare on; pass `valid` or `test`, "
            "or another `split`"
        )
