"""The wheel works in an empty environment, outside the checkout, from videos to a ranked list.

The environment contains only the wheel; dependencies are added by a path file, so that
the test does not download it again. Path files inside a lent folder are not read, so the checkout
(installed as editable) stays invisible.
"""

import csv
import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@dataclass
class Demo:
    python: Path
    folder: Path  # where the demo was run, outside the checkout
    output: str

    def mmgcn(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return subprocess.run(
            [self.python, "-P", "-m", "mmgcn", *words],
            cwd=self.folder,
            env=environment | {"COLUMNS": "120", "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Demo:
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT],
        check=True,
        capture_output=True,
    )
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True, capture_output=True)
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    Path(own, "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")

    demo = Demo(python, folder, "")
    done = demo.mmgcn("demo")
    assert done.returncode == 0, done.stderr
    demo.output = done.stdout + done.stderr
    return demo


@pytest.fixture(scope="module")
def meanings() -> dict[str, dict[str, str]]:
    with (ROOT / "assets" / "meanings.csv").open(encoding="utf-8") as file:
        return {row["item_id"]: row for row in csv.DictReader(file)}


def test_the_code_is_that_of_the_wheel(demo):
    code = "import cli, extract, mmgcn; print(cli.__file__, extract.__file__, mmgcn.__file__)"
    done = subprocess.run(
        [demo.python, "-P", "-c", code], cwd=demo.folder, capture_output=True, text=True, check=True
    )
    assert all(path.startswith(str(demo.folder)) for path in done.stdout.split())


def test_the_demo_prints_the_three_commands_and_user_42(demo):
    assert "mmgcn extract" in demo.output
    assert "mmgcn fit" in demo.output
    assert "mmgcn recommend" in demo.output
    assert "42" in demo.output


def test_the_list_of_user_42_reflects_their_taste(demo, meanings):
    run = str(next(demo.folder.glob("demo/runs/latest")))
    done = demo.mmgcn("recommend", "--user", "42", "--k", "10", "--run", run, "--json")
    assert done.returncode == 0, done.stderr
    items = [row["item_id"] for row in json.loads(done.stdout)]
    assert len(items) == 10

    def liked(item: str) -> int:
        meaning = meanings[item]
        return (
            (meaning["scene"] in {"sea", "aquarium"})
            + (meaning["sound"] == "piano")
            + (meaning["purpose"] == "sleep")
        )

    with (ROOT / "assets" / "interactions.csv").open(encoding="utf-8") as file:
        seen = {row["item_id"] for row in csv.DictReader(file) if row["user_id"] == "42"}
    left = [item for item in meanings if item not in seen]
    by_chance = sum(map(liked, left)) / len(left)
    assert sum(map(liked, items)) / len(items) > 1.5 * by_chance


def test_the_demo_beats_popularity(demo):
    run = demo.folder / "demo" / "runs" / "popularity"
    paths = ["--features", "demo/features", "--interactions", str(ROOT / "assets/interactions.csv")]
    done = demo.mmgcn("fit", "--model", "popularity", *paths, "--out", str(run))
    assert done.returncode == 0, done.stderr
    metrics = {}
    for name, folder in (("ours", demo.folder / "demo/runs/latest"), ("popular", run / "latest")):
        done = demo.mmgcn("evaluate", "--run", str(folder), "--json")
        assert done.returncode == 0, done.stderr
        metrics[name] = json.loads(done.stdout)
    assert metrics["ours"]["recall@10"] > 1.3 * metrics["popular"]["recall@10"]
    assert metrics["ours"]["ndcg@10"] > 1.3 * metrics["popular"]["ndcg@10"]


def test_a_video_that_is_not_in_the_run_is_ranked_by_its_content(demo, meanings):
    """A copy under another name is not in the run; similar videos are recommended."""
    (original,) = (ROOT / "assets" / "videos").glob("clip-062.*")
    copy = demo.folder / f"copy{original.suffix}"
    copy.write_bytes(original.read_bytes())
    run = str(demo.folder / "demo/runs/latest")
    done = demo.mmgcn("recommend", "--like", str(copy), "--k", "4", "--run", run, "--json")
    assert done.returncode == 0, done.stderr
    items = [row["item_id"] for row in json.loads(done.stdout)]
    assert "clip-062" in items
    assert {meanings[item]["scene"] for item in items} == {meanings["clip-062"]["scene"]}
