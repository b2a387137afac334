"""Importing the packages and asking for help loads none of the heavy libraries."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "torchaudio", "transformers", "torch_geometric", "cv2", "av")
HEAVY += ("fastapi", "uvicorn", "sqlalchemy", "alembic")
COMMANDS = (
    "extract",
    "modalities",
    "weights",
    "inspect",
    "fit",
    "evaluate",
    "recommend",
    "compare",
    "report",
    "ablate",
    "tune",
    "demo",
    "serve",
)


def loaded_after(code: str) -> set[str]:
    """The heavy libraries in memory after the code ran in a fresh interpreter."""
    report = f"\nimport sys; print('LOADED', *(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code + report], capture_output=True, text=True, check=False
    )
    assert "LOADED" in done.stdout, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("package", ["extract", "mmgcn", "cli"])
def test_importing_a_package_loads_nothing_heavy(package):
    assert loaded_after(f"import {package}") == set()


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=str)
def test_help_loads_nothing_heavy(command):
    code = f"""
import cli
try:
    cli.main([*{command!r}, "--help"])
except SystemExit as leaving:
    assert leaving.code == 0, leaving.code
"""
    assert loaded_after(code) == set()


def test_listing_names_loads_nothing_heavy():
    code = """
from extract.encoder import ENCODERS
from extract.modality import MODALITIES
assert {"visual", "acoustic", "textual"} <= set(MODALITIES.names())
assert {"resnet50", "vggish", "sentence", "logmel"} <= set(ENCODERS.names())
"""
    assert loaded_after(code) == set()
