"""The public names of both packages: each resolves, is documented, and is typed."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import extract
import mmgcn
from mmgcn.data.table import read_interactions
from tests.runs import write_run_folder

ROOT = Path(__file__).parent.parent
PUBLIC = [(package, name) for package in (extract, mmgcn) for name in package.__all__]


@pytest.mark.parametrize(
    ("package", "name"), PUBLIC, ids=lambda value: getattr(value, "__name__", value)
)
def test_every_public_name_resolves_and_is_documented(package, name):
    member = getattr(package, name)
    assert name in dir(package)
    if callable(member):
        assert member.__doc__


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mmgcn' has no attribute 'fti'"):
        getattr(mmgcn, "fti")  # noqa: B009


def test_the_version_is_that_of_the_distribution():
    assert mmgcn.__version__ == version("mmgcn")


@pytest.mark.parametrize("package", ["extract", "mmgcn"])
def test_both_packages_are_marked_as_typed(package):
    assert (ROOT / package / "py.typed").is_file()


def test_star_imports_bring_the_public_names_alone():
    code = "from mmgcn import *; print(*sorted(n for n in dir() if not n.startswith('__')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(set(mmgcn.__all__) - {"__version__"})


def test_evaluate_takes_a_folder_a_run_and_a_table(tmp_path):
    write_run_folder(tmp_path / "run", ["a", "b", "c", "d", "e"])
    (tmp_path / "test.csv").write_text(
        "user_id,item_id\n" + "".join(f"u{user},d\n" for user in range(12))
    )
    metrics = mmgcn.evaluate(tmp_path / "run", ks=[1, 2])
    assert {"recall@1", "recall@2", "ndcg@2"} <= set(metrics)
    assert mmgcn.evaluate(mmgcn.Run.load(tmp_path / "run"), ks=[1, 2]) == metrics
    assert (
        mmgcn.evaluate(tmp_path / "run", test=read_interactions(tmp_path / "test.csv"), ks=[1, 2])
        == metrics
    )


def test_evaluate_without_test_interactions_is_an_error(tmp_path):
    write_run_folder(tmp_path / "run", ["a", "b", "c", "d", "e"])
    (tmp_path / "test.csv").write_text("user_id,item_id\nu0,d\n")
    empty = read_interactions(tmp_path / "test.csv").take([])
    with pytest.raises(ValueError, match="has no test part; pass `test`, or fit with a split"):
        mmgcn.evaluate(tmp_path / "run", test=empty)
