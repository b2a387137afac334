"""The notebook of the documentation runs from clips to lists, cell by cell."""

import ast
import csv
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.documentation import ROOT

NOTEBOOK = ROOT / "docs" / "clips_to_feed.ipynb"
NUM_CLIPS = 14


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder with a few of the clips, those of user 42 first, and who watched them."""
    assets = ROOT / "assets"
    with (assets / "interactions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows.sort(key=lambda row: row["user_id"] != "42")
    clips = list(dict.fromkeys(row["item_id"] for row in rows))[:NUM_CLIPS]
    (tmp_path / "assets" / "videos").mkdir(parents=True)
    for clip in clips:
        shutil.copy(assets / "videos" / f"{clip}.mp4", tmp_path / "assets" / "videos")
    for name in ("interactions.csv", "captions.csv"):
        shutil.copy(assets / name, tmp_path / "assets")
    monkeypatch.chdir(tmp_path)
    return clips


def run_cell(code, names):
    """Run a cell, and return the value of its last expression, as a notebook shows it."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    return None if last is None else eval(ast.unparse(last), names)


def test_the_notebook_goes_from_clips_to_lists_with_posters(clone):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names, shown = {}, []
    for cell in cells:
        assert not cell.get("outputs"), "outputs are not stored"
        if cell["cell_type"] == "code":
            # One worker: it starts slowly, and there is little to do.
            source = "".join(cell["source"]).replace("num_frames=4", "num_frames=2, workers=1")
            shown.append(run_cell(source, names))
    lists = [value for value in shown if isinstance(value, names["RankedLists"])]
    assert len(lists) == 2
    for value in lists:
        html = value._repr_html_()
        assert html.count("data:image/jpeg;base64") == 5
    assert names["metrics"][names["result"].run.name]["recall@10"] > 0
    assert set(names["lists"]["item_id"]) <= set(clone)
    feed = pl.read_parquet(Path("feed.parquet"))
    assert feed["user_id"].n_unique() == len(names["dataset"].users)
