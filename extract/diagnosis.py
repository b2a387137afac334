"""Diagnosis of this machine: versions, devices, codecs, weights, space, and missing packages.

Missing packages and devices are reported, not raised as errors.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, get_args

from extract.config import Precision
from extract.encoder import ENCODERS
from extract.extras import install_command
from extract.weights import Weights, torch_cache

DISTRIBUTION = "mmgcn"
# Use -> the extra that it needs; other uses need only the core packages.
USES = {
    "extract --preset offline": "offline",
    "extract --encoder acoustic=wav2vec2": "wav2vec2",
    "extract --engine onnx": "onnx",
    "extract --engine ray, s3:// and https://": "scale",
    "serve": "serve",
    "feedback in Postgres": "postgres",
    "posters of videos": "posters",
    "compare, ablate, curves of fit": "plots",
    "tune": "tune",
    "fit --log tensorboard": "log",
    "recommend --approximate": "ann",
}
CODECS = {
    "video": ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "prores", "gif"),
    "audio": ("aac", "mp3", "opus", "vorbis", "flac", "ac3", "wmav2"),
}
CPU_FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")
PRECISIONS = get_args(Precision)


def diagnose() -> dict[str, Any]:
    """Return the state of this machine as JSON values."""
    return {
        "system": _system(),
        "packages": _packages(),
        "devices": _devices(),
        "codecs": _codecs(),
        "weights": {
            weights.name: weights.locate() is not None for _, weights in published_weights()
        },
        "free_bytes": _free_bytes(),
        "missing": _missing(),
    }


def published_weights() -> Iterator[tuple[str, Weights]]:
    """Yield the weights that the modules of encoders define, with the encoder's name.

    Encoders whose packages are not installed are left out.
    """
    for entry in ENCODERS.entries():
        try:
            members = vars(import_module(entry.module))
        except ImportError:
            continue
        for value in members.values():
            if isinstance(value, Weights):
                yield entry.name, value


def _system() -> dict[str, Any]:
    return {
        "mmgcn": _version(DISTRIBUTION),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor() or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": len(getattr(os, "sched_getaffinity", lambda _: ())(0)) or os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "cpu_features": [name for name in CPU_FEATURES if name in _cpu_flags()],
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _requirements() -> Iterator[tuple[str, str | None]]:
    """Yield each package that the project requires, and the extra that it belongs to."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # a checkout that is not installed
        return
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if sys.platform == "win32" and "sys_platform !=" in line:
            continue
        if name is not None:
            yield name[0], extra[1] if extra else None


def _packages() -> dict[str, str | None]:
    """Return the version of each package; None if it is not installed."""
    extras = {None, *USES.values()}
    return {name: _version(name) for name, extra in _requirements() if extra in extras}


def _missing() -> list[dict[str, Any]]:
    """Return the uses whose packages are not installed, and how to install them."""
    missing: dict[str | None, list[str]] = {}
    for name, extra in _requirements():
        if _version(name) is None:
            missing.setdefault(extra, []).append(name)
    rows = []
    if None in missing:
        rows.append({"for": "extract, fit", "packages": missing[None], "remedy": "pip install ."})
    return rows + [
        {"for": use, "packages": missing[extra], "remedy": install_command(extra)}
        for use, extra in USES.items()
        if extra in missing
    ]


def _devices() -> dict[str, Any]:
    try:
        torch = import_module("torch")
    except ImportError:
        return {"cpu_precisions": [], "cuda": []}
    from extract.workers.device import resolve_device

    on_cuda = resolve_device("auto") == "cuda"
    names = range(torch.cuda.device_count()) if on_cuda else ()
    return {
        "cpu_precisions": [name for name in PRECISIONS if _computes(name)],
        "cuda": [torch.cuda.get_device_name(index) for index in names],
    }


def _computes(precision: Precision) -> bool:
    from extract.encoders._image import check_arithmetic

    try:
        check_arithmetic("cpu", "torch", precision)
    except (ValueError, ImportError):
        return False
    return True


def _codecs() -> dict[str, bool]:
    """Return whether PyAV's FFmpeg decodes each codec."""
    names = [name for kind in CODECS.values() for name in kind]
    try:
        known = import_module("av").codecs_available
    except ImportError:
        return dict.fromkeys(names, False)
    also = {"av1": {"av1", "libdav1d"}, "vp8": {"vp8", "libvpx"}}
    return {name: bool(known & also.get(name, {name})) for name in names}


def _free_bytes() -> dict[str, int]:
    folders = {
        "working folder": Path(),
        "temporary folder": Path(tempfile.gettempdir()),
        "cache of weights": torch_cache(),
    }
    free = {}
    for name, path in folders.items():
        path = path.absolute()
        while not path.exists():
            path = path.parent
        free[name] = shutil.disk_usage(path).free
    return free


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _cpu_info(field: str) -> str:
    """Return a field of the first processor of Linux."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(rf"^{field}\s*: (.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _cpu_flags() -> list[str]:
    return _cpu_info("flags").split()


def _processor() -> str:
    return _cpu_info("model name")
