"""mmgcn tune: the command, from a space to settings that fit takes."""

import json
from pathlib import Path

import pytest

from tests.mmgcn.commands.test_fit import config, run, world  # noqa: F401  # a fixture

pytest.importorskip("optuna")


def test_the_best_settings_go_into_fit(world, capsys):  # noqa: F811
    Path("space.toml").write_text("[itemknn]\nnum_item_neighbours = { low = 1, high = 40 }\n")
    words = ("tune", "--model", "itemknn", "--space", "space.toml", "--split", "random")
    code, out, err = run(capsys, *words, "--trials", "3", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["trials"] == 3
    code, out, err = run(capsys, *words, "--trials", "4")
    assert code == 0
    assert "[4/4]" in err
    assert "[3/4]" not in err
    assert "mmgcn fit --model itemknn --config tune/best.toml" in out
    names = {path.name for path in Path("tune").iterdir()}
    assert {"best.toml", "tune.csv", "tune.journal", "tune.md"} <= names
    words = ("fit", "--model", "itemknn", "--config", "tune/best.toml", "--split", "random")
    code, out, err = run(capsys, *words)
    assert code == 0, err
    assert (
        f"num_item_neighbours = {config()['settings']['num_item_neighbours']}\n"
        in Path("tune/best.toml").read_text()
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--trials", "0"), 2, "trials"),
        (("--metric", "mrr@20"), 2, "is not one of recall@5"),
        (("--model", "popularity"), 1, "popularity has no default space; pass --space"),
        (("--space", "nowhere.toml"), 1, "nowhere.toml"),
        (("--space", "bad.toml"), 1, "did you mean dim"),
        (("--model", "mf", "--set", "dim=8"), 1, "dim is set for all trials and also in the space"),
    ],
)
def test_bad_input_gets_one_line_and_trains_nothing(world, capsys, words, code, message):  # noqa: F811
    Path("bad.toml").write_text("dmi = [8]\n")
    got, out, err = run(capsys, "tune", *words)
    assert (got, out) == (code, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert not Path("tune").exists()
