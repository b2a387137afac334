"""Pickles, read in a separate process."""

from __future__ import annotations

import io
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mmgcn.format import FormatError, ImportOptions

UNPICKLER = Path(__file__).with_name("_unpickler.py")
DANGER = (
    "a pickle can run any code when it is loaded. This one is read in a separate process, which "
    "can open no file and no connection and constructs only arrays; nevertheless, use allow_pickle "
    "only for files whose source you trust"
)


def load_pickle(path: Path, options: ImportOptions) -> dict[str, np.ndarray]:
    """Return the arrays of a pickle, or of a .npy file of objects.

    Returns:
        `matrix`; or `row`, `column` and `shape` of a sparse matrix; or `keys` (N,), `indptr`
        (N + 1,) and `values` of lists of whole numbers, where keys of a sequence are indices.

    Raises:
        FormatError: pickles are not allowed, or the file contains something else.
    """
    if not options.allow_pickle:
        raise FormatError(
            f"{path} is a pickle, which can run any code when it is loaded; if you trust its "
            "source pass allow_pickle=True, which reads it in a process without files and network, "
            "or save it without objects: scipy.sparse.save_npz or numpy.save"
        )
    if find_spec("resource") is None:
        raise FormatError(f"{path} is a pickle; they are read on Linux and macOS only")
    with path.open("rb") as file:
        process = subprocess.run(
            [sys.executable, "-I", str(UNPICKLER)],
            stdin=file,
            capture_output=True,
            check=False,
            env={"OPENBLAS_NUM_THREADS": "1"},
        )
    if process.returncode != 0:
        lines = process.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if lines else f"its process ended with {process.returncode}"
        raise FormatError(f"{path} is a pickle, and {reason}")
    with np.load(io.BytesIO(process.stdout), allow_pickle=False) as arrays:
        return dict(arrays)
