"""The code in README.md and docs/ runs as it is printed, and what it refers to exists."""

import pydoc
import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd

import mmgcn
from extract.encoder import Encoder
from extract.media.blocks import Frames
from extract.modality import Modality

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXTENDING = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def block(page, language, text):
    """The one code block of a language that contains a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (found,) = (code for code in blocks if text in code)
    return found


def test_the_python_example_runs_from_a_table_to_an_explanation(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    items = [f"clip-{n:03}" for n in range(60)]
    pairs = [(user, item) for user in range(30, 60) for item in rng.choice(items[:-1], 8, False)]
    pairs = [pair for pair in pairs if pair != (42, "clip-009")]
    rows = "".join(f"{user},{item},{time}\n" for time, (user, item) in enumerate(pairs))
    (tmp_path / "interactions.csv").write_text(f"user_id,item_id,timestamp\n{rows}")
    np.save(tmp_path / "visual.npy", rng.normal(size=(60, 4)).astype(np.float32))
    (tmp_path / "ids.txt").write_text("\n".join(items))
    monkeypatch.chdir(tmp_path)
    code = block(README, "python", "Recommender.load")
    # The example reads a feature store; here the vectors are an array.
    code = code.replace('("features",)', '("visual=visual.npy,ids.txt",)')
    code = code.replace('{"dim": 32}', '{"dim": 8, "epochs": 1}')
    names = {}
    exec(code, names)
    assert names["recommender"].recommend(["42"], k=10).columns == [
        "user_id",
        "item_id",
        "score",
        "rank",
    ]
    assert names["result"].run.is_dir()


def test_the_notebook_of_the_python_page_runs_from_a_data_frame_to_lists(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    pairs = [(user, int(item)) for user in range(20) for item in rng.choice(12, 6, False)]
    names = {
        "views": pd.DataFrame(pairs, columns=["user_id", "item_id"]),
        "vectors": rng.normal(size=(12, 3)),
        "video_ids": np.arange(12),
    }
    (tmp_path / "posters").mkdir()
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for code in re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        exec(code, names)
    assert [record.epoch for record in names["records"]] == [1, 2, 3]
    assert names["lists"]["user_id"].n_unique() == 20
    metrics = mmgcn.evaluate(names["result"].run, ks=[5, 10], metrics=[names["first_hit"]])
    assert 1 <= metrics["first_hit@5"] <= metrics["first_hit@10"] <= 11


def test_the_code_that_stands_beside_the_paper_exists():
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    names = re.findall(r"`((?:mmgcn|extract)\.[\w.]+)`", page)
    assert len(set(names)) > 20
    for name in names:
        assert pydoc.locate(name) is not None, name
    settings = re.findall(r"--set (\w+)=(\w+)", page)
    assert {"aggregation", "combination", "item_output", "loss", "similarity"} <= dict(
        settings
    ).keys()
    for setting, value in settings:
        mmgcn.MODELS.get("mmgcn").parse_settings({setting: value})
    for test, path in re.findall(r"`(test_\w+)` in `([\w/.]+)`", page):
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8")


def test_the_readme_imports_public_names_alone():
    modules = re.findall(r"^(?:from|import) ([\w.]+)", README, re.MULTILINE)
    assert set(modules) <= {"mmgcn", "extract"}


def test_links_between_pages_lead_to_files():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), (page.name, link)


def test_the_package_of_the_guide_declares_its_members(tmp_path, monkeypatch):
    (tmp_path / "mmgcn_colour.py").write_text(
        block(EXTENDING, "python", "MODALITY ="), encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    project = tomllib.loads(block(EXTENDING, "toml", "mmgcn.modalities"))["project"]
    assert {"name", "version"} < set(project)  # pip refuses a package that lacks one

    groups = {
        group: [EntryPoint(name, value, group).load() for name, value in entries.items()]
        for group, entries in project["entry-points"].items()
    }
    (modality,), (encoder,) = groups["mmgcn.modalities"], groups["mmgcn.encoders"]
    assert isinstance(modality, Modality)
    assert issubclass(encoder, Encoder)
    assert modality.encoders == (encoder.name,)


def test_the_encoder_of_the_guide_returns_the_mean_colour_of_each_frame():
    names = {}
    exec(block(EXTENDING, "python", "MODALITY ="), names)
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[1, :, :, 0] = 255
    encoder = names["MeanColour"]()
    encoder.load()
    rows = encoder.encode(encoder.prepare(Frames(images, np.array([0.5, 1.5]))))
    np.testing.assert_array_equal(rows, [[0, 0, 0], [1, 0, 0]])
    assert rows.dtype == np.float32
