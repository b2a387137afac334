"""The package of docs/extending.md, installed, works from extraction to a ranked list."""

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.documentation import ROOT, block

CLIPS = sorted((ROOT / "assets" / "videos").glob("clip-0*.mp4"))[:12]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with clips, interactions and prices, and the installed plugin."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "plugin").mkdir()
    for name, language, text in (
        ("mmgcn_colour.py", "python", "MODALITY ="),
        ("mmgcn_taste.py", "python", "class Taste"),
        ("pyproject.toml", "toml", "entry-points"),
    ):
        (folder / "plugin" / name).write_text(block("extending.md", language, text))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    where = ["--no-build-isolation", "--target", folder / "site", folder / "plugin"]
    subprocess.run([*pip, *where], check=True, capture_output=True)
    (folder / "videos").mkdir()
    for clip in CLIPS:
        shutil.copy(clip, folder / "videos")
    ids = [clip.stem for clip in CLIPS]
    rng = np.random.default_rng(0)
    with (folder / "interactions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", "timestamp"])
        for user in range(30):
            for time, item in enumerate(rng.choice(ids, 5, replace=False)):
                writer.writerow([user, item, time])
    np.save(folder / "price.npy", rng.gamma(2, 3, len(ids)).astype(np.float32))
    (folder / "price.txt").write_text("\n".join(reversed(ids)) + "\n")
    return folder


def mmgcn(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "mmgcn", *words, "--json"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_plugin_and_a_plain_table_go_through_extract_fit_and_recommend(world):
    listed = {row["name"]: row for row in mmgcn(world, "modalities")}
    assert listed["colour"]["source"] == "mmgcn-colour 0.1"
    assert listed["visual"]["source"].startswith("mmgcn")

    mmgcn(world, "extract", "videos", "--modality", "c")
    (rows,) = world.glob(f"features/colour/mean_colour-*/items/{CLIPS[0].stem}.npy")
    assert np.load(rows).shape == (16, 3)

    words = ["--features", "features", "--features", "price=price.npy,price.txt"]
    mmgcn(world, "fit", "--model", "taste", "--set", "dim=8", "--epochs", "2", *words)
    config = json.loads((world / "runs" / "latest" / "config.json").read_text())
    assert set(config["features"]) == {"colour", "price"}
    assert (config["model"], config["settings"]["dim"]) == ("taste", 8)

    answer = mmgcn(world, "recommend", "--user", "7", "--k", "3")
    assert [row["rank"] for row in answer] == [1, 2, 3]
    assert {row["item_id"] for row in answer} <= {clip.stem for clip in CLIPS}
