"""Pickles, read by a process of their own."""

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
    "a pickle can run any code when it is loaded. This one is read in a process of its own, which "
    "can open no file and no connection and builds only arrays; still, use allow_pickle only for "
    "files whose source you trust"
)


def load_pickle(path: Path, options: ImportOptions) -> dict[str, np.ndarray]:
    """Return the arrays of a pickle, or of a .npy file of objects.

    Returns:
        `matrix`; or `row`, `column` and `shape` of a sparse matrix; or `keys` (N,), `indptr`
        (N + 1,) and `values` of lists of whole numbers, the key of a sequence being its index.

    Raises:
        FormatError: pickles are not allowed, or it contains something else.
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
        done = subprocess.run(
            [sys.executable, "-I", str(UNPICKLER)],
            stdin=file,
            capture_output=True,
            check=False,
            env={"OPENBLAS_NUM_THREADS": "1"},
        )
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        ended = f"its process ended with {done.returncode}"
        raise FormatError(f"{path} is a pickle, and {reason[-1] if reason else ended}")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
        return dict(arrays)
