"""The folder of a run: created for a training or found to resume it, and written at its end."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.evaluation.hits import Csr
from mmgcn.interaction_rows import InteractionRows
from mmgcn.recommender_model import Embeddings, Settings
from mmgcn.run import PARTS
from mmgcn.run_writing import write_run
from mmgcn.training.checkpoint import ResumeError


class FolderError(ValueError):
    """A run that cannot be written."""


def new_folder(out: Path) -> Path:
    """Create and return a folder named by the time, such as 20260131-235959.

    Raises:
        FolderError: there is no free name.
    """
    out.mkdir(parents=True, exist_ok=True)
    name = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", *(f"-{number}" for number in range(2, 1000))):
        run = out / f"{name}{suffix}"
        try:
            run.mkdir()
        except FileExistsError:
            continue
        return run
    raise FolderError(f"cannot find a free name in {out}")


def is_resumable(run: Path) -> bool:
    """Return whether a folder contains a checkpoint or trials, to resume from."""
    return (run / "checkpoint" / "state.json").is_file() or any((run / "trials").glob("*"))


def has_run_folders(out: Path) -> bool:
    """Return whether any training was started in `out`."""
    return any(out.glob("2*"))


def unfinished_folder(out: Path) -> Path:
    """Return the folder of the latest training that can be resumed.

    Raises:
        ResumeError: there is none.
    """
    found = {
        path.stat().st_mtime_ns: path
        for path in out.glob("2*")
        if is_resumable(path) and not (path / "config.json").exists()
    }
    if not found:
        finished = sorted(path.parent.name for path in out.glob("2*/config.json"))
        last = f": the last one, {finished[-1]}, is finished" if finished else ""
        raise ResumeError(f"no unfinished training in {out}{last}; fit without `resume`")
    return found[max(found)]


@contextmanager
def run_folder(out: Path, group: ProcessGroup, *, resume: bool) -> Iterator[Path]:
    """Yield a new run folder, or the one to resume; remove it if it cannot be resumed later."""
    run = Path()
    if group.is_main:
        begun = resume and has_run_folders(out)
        run = unfinished_folder(out) if begun else new_folder(out)
    run = group.broadcast(run)
    try:
        yield run
    except BaseException:
        if group.is_main and not is_resumable(run):
            shutil.rmtree(run, ignore_errors=True)
        raise


def identity_of(model: str, settings: Settings[Any], dataset: Dataset, seed: int) -> dict[str, Any]:
    """Return the model, settings and data of a training; a resumed one must have the same."""
    return {
        "model": model,
        "settings": settings.as_dict(),
        "seed": seed,
        **dataset.reading,
        **data_identity(dataset),
    }


def data_identity(dataset: Dataset) -> dict[str, Any]:
    """Return digests of interactions and ids, and the digests of the features."""
    digest = hashlib.blake2b(digest_size=8)
    for part in (dataset.split.train, dataset.split.valid, dataset.split.test):
        digest.update(part.user_index.tobytes() + part.item_index.tobytes())
    for ids in (dataset.users, dataset.items):
        digest.update("\n".join(ids.ids.to_list()).encode("utf-8", "surrogatepass"))
    if dataset.train.skipped is not None:
        digest.update(dataset.train.skipped.write_csv().encode())
    features = {
        name: {key: source.get(key) for key in ("encoder", "digest", "dim")}
        for name, source in dataset.sources.items()
    }
    return {"interactions": digest.hexdigest(), "features": features}


def write_folder(
    run: Path,
    dataset: Dataset,
    identity: Mapping[str, Any],
    embeddings: Embeddings,
    outcome: Mapping[str, Any],
    *,
    state: Mapping[str, Tensor] | None = None,
) -> None:
    """Write the files that `Run` reads, and the model's parameters.

    Args:
        identity: result of `identity_of`.
        outcome: results of the training, to store in the configuration.
        state: parameters on the CPU; None for a model in closed form.

    Raises:
        FolderError: the vectors are not finite, or the files cannot be written.
    """
    user = None if isinstance(embeddings.user, InteractionRows) else embeddings.user
    if not ((user is None or np.isfinite(user).all()) and np.isfinite(embeddings.item).all()):
        raise FolderError(
            f"the vectors of {identity['model']} are not finite after the last step; lower "
            "learning_rate"
        )
    split = dataset.split
    parts: dict[str, Csr] = dict(
        zip(
            PARTS,
            (part.csr(by_time=True) for part in (split.train, split.valid, split.test)),
            strict=True,
        )
    )
    if split.train.skipped is not None and split.train.skipped.height:
        parts["skipped"] = _skipped(dataset, split.train.skipped)
    try:
        if state is not None:
            tensors = {name: tensor.contiguous() for name, tensor in state.items()}
            save_file(tensors, run / "model.safetensors")
        write_run(
            run,
            config={
                "model": identity["model"],
                "settings": identity["settings"],
                "seed": identity["seed"],
                "reading": dataset.reading,
                "split": split.name,
                "num_interactions": {name: len(indices) for name, (_, indices) in parts.items()},
                "features": dataset.sources,
                **({"merged_duplicates": dataset.merged} if dataset.merged else {}),
                "interactions_digest": identity["interactions"],
                **outcome,
                "versions": {name: version(name) for name in ("mmgcn", "torch", "numpy")},
            },
            users=dataset.users,
            items=dataset.items,
            user=user,
            item_parts=embeddings.item_parts,
            parts=parts,
            popularity=np.bincount(dataset.train.item_index, minlength=len(dataset.items)),
            present=dataset.present,
        )
    except (OSError, SafetensorError, pl.exceptions.PolarsError) as error:
        raise FolderError(
            f"the run {run} cannot be written: {error}; when there is space, fit "
            "with resume and the same options, which writes it"
        ) from error


def _skipped(dataset: Dataset, pairs: pl.DataFrame) -> Csr:
    """Return the skipped items of each user, except users and items that are not in the run."""
    user, item = dataset.users.get(pairs["user_id"]), dataset.items.get(pairs["item_id"])
    known = (user >= 0) & (item >= 0)
    indptr = np.concatenate(
        [[0], np.cumsum(np.bincount(user[known], minlength=len(dataset.users)))]
    )
    return indptr, item[known][np.argsort(user[known], kind="stable")]
