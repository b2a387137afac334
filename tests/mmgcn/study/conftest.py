"""Data in files, small enough to train on in a moment."""

import numpy as np
import pytest

from mmgcn.data.options import DataOptions
from tests.worlds import clusters, dataset, write_interactions


@pytest.fixture
def source(tmp_path):
    """Four groups of users in three files, and features of two modalities that separate them."""
    part = clusters()
    for name in ("train", "valid", "test"):
        write_interactions(tmp_path / f"{name}.csv", getattr(part, name))
    (tmp_path / "ids.txt").write_text("".join(f"{item}\n" for item in part.train.items.ids))
    for name, matrix in dataset(part).features.items():
        np.save(tmp_path / f"{name}.npy", matrix)
    files = {name: str(tmp_path / f"{name}.csv") for name in ("train", "valid", "test")}
    return DataOptions(
        files["train"],
        valid=files["valid"],
        test=files["test"],
        features=tuple(
            f"{name}={tmp_path / name}.npy,{tmp_path / 'ids.txt'}"
            for name in ("visual", "acoustic")
        ),
    )
