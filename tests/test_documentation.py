"""The code blocks of README.md and docs/ run as they are printed, or are checked with a reason.

Every command is parsed, so that no page names an option that does not exist. In a small project,
every command is run, in the order of the pages, but for those of NOT_RUN.
"""

import ast
import json
import pydoc
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cli
import mmgcn
from extract.family import Family
from extract.media.blocks import Frames
from extract.store import FeatureStore
from mmgcn.study.space import read_space
from tests import layouts
from tests.clips import Audio, make_clip
from tests.documentation import PAGES, ROOT, Command, block, blocks, commands
from tests.encoders import BatchDependent, Shade, registered

COMMANDS = list(commands())
ITEMS = [f"clip-{n:03}" for n in (*range(10), 52)]
PROJECT = """
[extract]
encoders = ["visual=shade", "acoustic=logmel", "textual=batch_dependent"]
num_frames = 2

[fit]
recipe = "default"
epochs = 1
"""
LONG_EXAMPLE = "recommender.explain("  # of the page on Python
# Commands that are parsed alone, and why.
NOT_RUN = {
    r"serve\b": "it serves until it is stopped; its addresses are called below",
    r"(compare|ablate|tune)\b|fit .*tune/best": "many trainings: tests/mmgcn/study",
    r"recommend --like": "workers start again: tests/mmgcn/serving/cold_start",
    r"extract .*--encoder": "weights of other publishers: tests/extract/families",
    r"report\b": "half a minute of posters: tests/mmgcn/commands/test_report.py",
    r"extract .*v,c|fit --model taste": "tests/test_plugin.py installs the package",
    r"fit --num-workers": "several processes: tests/mmgcn/distributed",
    r"export pretrained .*--push": "an upload: tests/mmgcn/test_pretrained.py has a hub",
    r"init|run$": "a project of its own: tests/mmgcn/project, tests/mmgcn/commands/test_run.py",
}


def parse(words):
    """Parse the words of a `mmgcn` command as the command line does."""
    group = cli.build_app()
    context = group.make_context("mmgcn", [], resilient_parsing=True)
    command, rest = group.load(words[0]), list(words[1:])
    while hasattr(command, "commands") and rest:
        command = command.commands[rest.pop(0)]
    command.make_context(" ".join(words), rest, parent=context)


def extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])


def check_pip(words):
    for word in words:
        if match := re.fullmatch(r"\.\[(.+)\]", word):
            assert set(match[1].split(",")) <= extras()
        if word.endswith(".txt"):
            assert (ROOT / word).is_file()


def check_module(words):
    name = words[words.index("-m") + 1]
    if name == "mmgcn":
        parse(words[words.index("-m") + 2 :])
    else:
        assert find_spec(name) or (ROOT / name.replace(".", "/")).exists()


def check_paths(words):
    for word in words:
        assert word.startswith("-") or (ROOT / word).exists(), word


def check_target(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        assert re.search(rf"^{word}:", makefile, re.MULTILINE), word


CHECKS = {
    "mmgcn": parse,
    "pip": check_pip,
    "python": check_module,
    "torchrun": check_module,
    "make": check_target,
    ".venv/bin/pytest": lambda words: check_paths([word for word in words if word != "-q"]),
    "pre-commit": lambda words: check_paths([".pre-commit-config.yaml"]),
    "docker": lambda words: check_paths(["compose.yaml", "Dockerfile"]),
    "curl": lambda words: None,  # sent below
}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_exists(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program, *words = command.words
    CHECKS[program](words)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the inputs named in the pages: videos, captions, and tables of interactions."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    pairs = [(user, item) for user in range(36, 50) for item in rng.choice(ITEMS, 5, False)]
    rows = [(user, item, 1_700_000_000 + n) for n, (user, item) in enumerate(pairs)]
    rows = [row for row in rows if row[:2] not in {(42, "clip-009"), (42, "clip-003")}]
    Path("mmgcn.toml").write_text(PROJECT)
    Path("videos").mkdir()
    for n, name in enumerate((*(f"videos/{item}" for item in ITEMS), "new")):
        make_clip(Path(f"{name}.mp4"), num_frames=4 + n, audio=Audio(seconds=0.2, hz=200 + 50 * n))
    captions = "".join(f"{item},clip number {item[-3:]}\n" for item in ITEMS)
    Path("captions.csv").write_text(f"item_id,caption\n{captions}")
    Path("videos/captions.csv").write_text(f"item_id,caption\n{captions}")
    for name, columns in {
        "interactions.csv": ["user_id", "item_id", "timestamp"],
        "ratings.csv": ["userId", "movieId", "timestamp", "rating"],
        "big_matrix.csv": ["user_id", "video_id", "timestamp", "watch_ratio"],
    }.items():
        table = pd.DataFrame([(*row, 4.5)[: len(columns)] for row in rows], columns=columns)
        table.to_csv(name, index=False)
    numbers = pd.DataFrame([(user, int(item[-2:]), 5, time) for user, item, time in rows])
    numbers.to_csv("u.data", sep="\t", header=False, index=False)
    numbers[[1, 0]].to_csv("ratings.tsv", sep="\t", header=False, index=False)
    Path("ml-100k").mkdir()
    layouts.movielens(Path("ml-100k"))
    with registered(Shade, BatchDependent):
        yield tmp_path


@pytest.mark.usefixtures("no_curves")
def test_the_commands_run_in_the_order_of_the_pages(project, capsys, monkeypatch):
    def run(words):
        with pytest.raises(SystemExit) as leaving:
            cli.main(words)
        shown = capsys.readouterr()
        assert not leaving.value.code, f"{words}\n{shown.out}{shown.err}"
        return shown.err + shown.out

    for command in COMMANDS:
        program, *words = command.words
        if program == "curl" and not Path("feedback.db").exists():
            run(["fit"])  # the pages before it trained other models
            send_requests()
        line = " ".join(words)
        if program != "mmgcn" or any(re.match(pattern, line) for pattern in NOT_RUN):
            continue
        monkeypatch.setenv("MMGCN_FEATURES", "none" if command.page == "data.md" else "features")
        if "SET" in words:  # and without the upload
            digest = FeatureStore("features").feature_set("visual").digest
            words = [digest if word == "SET" else word for word in words if word != "me/vectors"]
            words.remove("--push")
        printed = run(words)
        assert without_numbers(command.output) <= without_numbers(printed), command


def without_numbers(text):
    return {re.sub(r"\d[\d,]*", "N", line) for line in text.splitlines()}


def send_requests():
    """Send the requests of the page of the service, and compare the names in the answers."""
    from starlette.testclient import TestClient

    from mmgcn.service.app import create_app
    from mmgcn.service.settings import Settings

    app = create_app(
        Settings(videos=Path("videos"), feedback="sqlite:///feedback.db", reload_seconds=0)
    )
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        requests = [command for command in COMMANDS if command.words[0] == "curl"]
        assert len(requests) > 3
        for command in requests:
            answer = send(client, command)
            expected = json.loads(re.sub(r",? *\.\.\.", "", command.output.strip()), strict=False)
            assert names_of(expected) <= names_of(answer), (str(command), answer)
        table = pd.read_csv("interactions.csv", dtype=str)
        pairs = table[["user_id", "item_id"]].to_dict("records")
        events = [{**pair, "event": "like"} for pair in pairs]
        assert client.post("/v1/feedback", json={"events": events}).is_success
        problem = json.loads(block("service.md", "json", "unknown_user"))
        answer = client.get("/v1/recommend/4x")
        assert (answer.status_code, answer.json()["code"]) == (problem["status"], problem["code"])
        assert problem.keys() <= answer.json().keys()


def send(client, command: Command):
    words = list(command.words[1:])
    data = words[words.index("-d") + 1] if "-d" in words else None
    (url,) = (word for word in words if word.startswith("http://"))
    answer = client.get(url) if data is None else client.post(url, json=json.loads(data))
    assert answer.is_success, (str(command), answer.text)
    return answer.json()


def names_of(value, prefix=""):
    """The paths of all names in a JSON value."""
    if isinstance(value, dict):
        inner = [names_of(each, f"{prefix}.{name}") for name, each in value.items()]
        return {f"{prefix}.{name}" for name in value}.union(*inner)
    if isinstance(value, list):
        return set().union(*(names_of(each, prefix) for each in value))
    return set()


def test_the_python_examples_run_from_a_table_to_an_explanation(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    items = [f"clip-{n:03}" for n in range(60)]
    pairs = [(user, item) for user in range(30, 60) for item in rng.choice(items[:-1], 8, False)]
    pairs = [pair for pair in pairs if pair != (42, "clip-009")]
    rows = "".join(f"{user},{item},{time}\n" for time, (user, item) in enumerate(pairs))
    (tmp_path / "interactions.csv").write_text(f"user_id,item_id,timestamp\n{rows}")
    np.save(tmp_path / "visual.npy", rng.normal(size=(60, 4)).astype(np.float32))
    (tmp_path / "ids.txt").write_text("\n".join(items))
    monkeypatch.chdir(tmp_path)
    short, code = block("README.md", "python", "fit("), block("python.md", "python", LONG_EXAMPLE)
    # The examples read a feature store; here the vectors are an array.
    store, array = '("features",)', '("visual=visual.npy,ids.txt",)'
    exec(short.replace(store, array).replace("fit(dataset)", "fit(dataset, epochs=1)"), {})
    names = {}
    exec(code.replace(store, array).replace('{"dim": 32}', '{"dim": 8, "epochs": 1}'), names)
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
    for each in blocks("python", "python.md"):
        if LONG_EXAMPLE not in each.code:
            exec(each.code, names)
    assert [record.epoch for record in names["records"]] == [1, 2, 3]
    assert names["lists"]["user_id"].n_unique() == 20
    metrics = mmgcn.evaluate(names["result"].run, ks=[5, 10], metrics=[names["first_hit"]])
    assert 1 <= metrics["first_hit@5"] <= metrics["first_hit@10"] <= 11


def test_the_code_named_beside_the_paper_exists():
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
    code = "\n".join(each.code for each in blocks("python", "README.md"))
    modules = re.findall(r"^(?:from|import) ([\w.]+)", code, re.MULTILINE)
    assert set(modules) == {"mmgcn"}


def test_links_between_pages_lead_to_files():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), (page.name, link)


def test_the_encoder_of_the_guide_returns_the_mean_colour_of_each_frame():
    names = {}
    exec(block("extending.md", "python", "MODALITY ="), names)
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[1, :, :, 0] = 255
    encoder = names["MeanColour"]()
    encoder.load()
    rows = encoder.encode(encoder.prepare(Frames(images, np.array([0.5, 1.5]))))
    np.testing.assert_array_equal(rows, [[0, 0, 0], [1, 0, 0]])
    assert rows.dtype == np.float32


def test_the_family_of_the_guide_creates_encoders():
    names = {"MyLibImage": lambda model: f"encoder of {model}"}
    exec(block("extending.md", "python", "FAMILY ="), names)
    assert isinstance(names["FAMILY"], Family)
    assert names["FAMILY"].encoder("net", reads="frames") == "encoder of net"


def test_the_project_file_and_the_tables_of_settings_are_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mmgcn.toml").write_text(block("project.md", "toml", "[data]"))
    for command in ("fit", "extract", "serve"):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["config", "show", command])
        shown = capsys.readouterr()
        assert not leaving.value.code, shown.err
        assert "mmgcn.toml" in shown.out
    table = tomllib.loads(block("studies.md", "toml", "space.toml"))
    space = read_space(mmgcn.MODELS.get("mmgcn"), table)
    assert set(space) == {"learning_rate", "num_layers", "dim"}
    for model, settings in tomllib.loads(block("studies.md", "toml", "[lightgcn]")).items():
        mmgcn.MODELS.get(model).parse_settings(settings)


def test_the_explained_messages_are_messages_of_the_code():
    code = "\n".join(texts_of_the_code())
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| (.+?) \|", page.replace("`", ""), re.MULTILINE)
    assert len(messages) > 15
    for message in messages:
        for part in re.split(r"\.\.\.|, | or ", message):
            assert part.strip(" '[]") in code, message


def texts_of_the_code():
    """The text of all literals, also of those in f-strings."""
    for path in (*ROOT.glob("extract/**/*.py"), *ROOT.glob("mmgcn/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [each.value for each in node.values if isinstance(each, ast.Constant)]
                yield "{}".join(map(str, parts))
            elif isinstance(node, ast.Constant):
                yield str(node.value)


def test_images_are_small():
    images = [*ROOT.glob("docs/**/*.webp"), *ROOT.glob("docs/**/*.png")]
    assert len(images) > 5
    assert [path.name for path in images if path.stat().st_size > 150_000] == []


def test_every_block_has_a_known_language():
    """A block without a language is neither run nor known to be output."""
    known = {"console", "python", "toml", "json", "text", "nginx", "ini"}
    for page in PAGES:
        fences = re.findall(r"^```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences[::2]) <= known, page.name
        assert set(fences[1::2]) <= {""}, page.name
