"""mmgcn ablate: the command."""

import json
import sys
from pathlib import Path

import pytest

import cli
from mmgcn.training.fit import fit
from tests.mmgcn.commands.test_fit import FEATURES, run, world  # noqa: F401  # a fixture
from tests.worlds import clusters, dataset

QUICK = ("--epochs", "1", "--set", "ensemble_size=1", "--set", "dim=8", "--seeds", "1")
ONE = ("--features", "visual=visual.npy,ids.txt")


def test_a_modality_is_shuffled_and_the_run_gets_a_copy(world, capsys, monkeypatch):  # noqa: F811
    from mmgcn.study import journal, trial

    ran = []

    def train_here(each, users):
        assert users is None  # an ablation keeps no metrics of users
        ran.append(each.change.how)
        return trial.train(each, world / "trainings")

    monkeypatch.setattr(journal, "train_apart", train_here)
    trained = fit(
        dataset(clusters()), model="linear_mmgcn", out=Path("runs"), epochs=1, device="cpu"
    ).run
    words = ("ablate", *ONE, *QUICK, "--how", "shuffle", "--run", str(trained))
    code, out, err = run(capsys, *words, "--json")
    assert code == 0, err
    written = json.loads(out)
    assert [(row["modality"], row["how"]) for row in written["rows"]] == [("visual", "shuffle")]
    assert written["rows"][0]["low"] is None
    assert json.loads((trained / "ablation.json").read_text()) == written
    names = {path.name for path in Path("ablation").iterdir()}
    assert names == {f"ablation.{kind}" for kind in ("csv", "json", "jsonl", "md", "png")}
    code, out, err = run(capsys, *words)
    assert code == 0
    assert err.count("(from ablation.jsonl)") == 2
    assert ran == ["none", "shuffle"]
    assert "visual shuffled" in out


@pytest.mark.usefixtures("world")
def test_ablate_without_matplotlib_is_refused_before_training(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run(capsys, "ablate", *ONE, *QUICK)
    assert code == 1
    assert "ablation.png needs matplotlib; install it with: pip install '.[plots]'" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--how", "hide"), 2, "is not one of drop, shuffle"),
        (("--mask-percent", "ten"), 2, "is not percentages"),
        (("--mask-percent", "0"), 2, "0 is not a percentage from 1 to 100"),
        (("--mask-percent", "0.3"), 2, "for 30% of the items pass 30"),
        (("--metric", "recall@7"), 2, "is not one of recall@5"),
        (("--variant", "num_item_neighbours"), 2, "is not NAME=VALUE"),
        (("--variant", "num_item_neighbour=0", *FEATURES), 1, "did you mean num_item_neighbours"),
        (("--model", "mff", *FEATURES), 1, "did you mean mf"),
        (("--run", "nowhere", *FEATURES), 1, "no run at nowhere"),
        (("--metric", "recall@50", *FEATURES), 1, "--metric recall@50 ranks 50 of 40 items"),
        (("--split", "none", *FEATURES), 1, "neither a validation nor a test part"),
        ((), 1, "there is no modality"),
    ],
)
def test_bad_input_gets_one_line_and_trains_nothing(world, capsys, words, code, message):  # noqa: F811
    got, out, err = run(capsys, "ablate", *words)
    assert (got, out) == (code, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert " ..." not in err


def test_the_only_modality_of_a_model_that_needs_one_is_not_dropped(world, capsys, monkeypatch):  # noqa: F811
    from mmgcn.study import journal

    requested = []

    def nothing(trials, **_):
        requested.extend(trials)
        return journal.Results()

    monkeypatch.setattr(journal, "run_trials", nothing)
    with pytest.raises(SystemExit):
        cli.main(["ablate", "--model", "mmgcn", *ONE, "--seeds", "1"])
    assert "it is not dropped" in capsys.readouterr().err
    assert [trial.change.how for trial in requested] == ["none", "shuffle"]
