"""Importing the packages and printing help loads none of the heavy libraries."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.runs import write_run_folder

HEAVY = ("torch", "torchvision", "torchaudio", "transformers", "cv2", "av", "matplotlib")
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


def test_the_help_of_the_command_line_imports_no_command():
    code = """
import sys, cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
assert not {"extract", "mmgcn", "numpy", "polars", "rich"} & set(sys.modules)
"""
    assert loaded_after(code) == set()


def test_recommendations_and_the_service_need_no_torch(tmp_path):
    """As installed from requirements-serve.txt, where the import of torch fails."""
    write_run_folder(tmp_path / "run", ["a", "b", "c", "d", "e"])
    code = f"""
import sys
for name in ("torch", "torchvision", "transformers", "av", "cv2", "matplotlib", "safetensors"):
    sys.modules[name] = None  # an import raises ModuleNotFoundError
from mmgcn import Recommender, evaluate
import mmgcn.service.app
recommender = Recommender.load({str(tmp_path / "run")!r})
assert len(recommender.recommend(["u0"], k=2)) == 2
assert evaluate({str(tmp_path / "run")!r}, ks=[1])
import cli
cli.main(["recommend", "--user", "u0", "--k", "2", "--run", {str(tmp_path / "run")!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_listing_names_loads_nothing_heavy():
    code = """
from extract.encoder import ENCODERS
from extract.modality import MODALITIES
assert {"visual", "acoustic", "textual"} <= set(MODALITIES.names())
assert {"resnet50", "vggish", "sentence", "logmel"} <= set(ENCODERS.names())
"""
    assert loaded_after(code) == set()


def test_the_requirements_of_serving_are_those_of_the_package():
    root = Path(__file__).parent.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    of_the_package = {*project["dependencies"], *project["optional-dependencies"]["serve"]}
    lines = (root / "requirements-serve.txt").read_text(encoding="utf-8").splitlines()
    required = {line.replace('"', "'") for line in lines if line and not line.startswith("#")}
    assert required <= of_the_package
    assert set(project["optional-dependencies"]["serve"]) <= required
