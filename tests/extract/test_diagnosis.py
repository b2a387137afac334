"""The diagnosis of a machine, and of one where something is missing."""

import importlib
import json
from importlib.metadata import PackageNotFoundError, version

import pytest

from extract import diagnosis


@pytest.fixture
def without(monkeypatch):
    """Let packages be missing: their versions, and their imports."""

    def hiding(*names):
        def find_version(name):
            if name in names:
                raise PackageNotFoundError(name)
            return version(name)

        def find_module(name):
            if name in names:
                raise ModuleNotFoundError(name)
            return importlib.import_module(name)

        monkeypatch.setattr(diagnosis, "version", find_version)
        monkeypatch.setattr(diagnosis, "import_module", find_module)

    return hiding


def test_versions_weights_and_space_are_found():
    found = diagnosis.diagnose()
    assert found["system"]["mmgcn"] == version("mmgcn")
    assert found["packages"]["torch"] == version("torch")
    assert found["weights"]["package"] is True  # of the extra `offline`
    assert "float32" in found["devices"]["cpu_precisions"]
    assert found["codecs"]["h264"] is True
    assert all(size > 0 for size in found["free_bytes"].values())
    json.dumps(found)


def test_a_missing_package_is_named_with_what_needs_it_and_the_remedy(without):
    without("optuna")
    (row,) = [row for row in diagnosis.diagnose()["missing"] if row["for"] == "tune"]
    assert row["packages"] == ["optuna"]
    assert row["remedy"] == "pip install '.[tune]' in a clone of mmgcn"


def test_a_missing_core_package_is_reported_without_an_error(without):
    without("torch", "av")
    found = diagnosis.diagnose()
    assert found["devices"] == {"cpu_precisions": [], "cuda": []}
    assert not any(found["codecs"].values())
    assert found["missing"][0]["packages"] == ["av", "torch"]


def test_every_use_is_of_an_extra_that_exists():
    extras = {extra for _, extra in diagnosis._requirements()}
    assert set(diagnosis.USES.values()) <= extras
