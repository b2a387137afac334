"""The data options, as shared by all commands."""

import json
import os
import signal

import pytest

from mmgcn.run import Run
from tests.command_line import run

NAMES = ("--columns", "user=userId,item=movieId", "--min-rating", "4")
QUICK = ("--model", "mf", "--set", "dim=4", "--epochs", "2", "--device", "cpu")


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Ratings in the format of MovieLens: 8 users rated 10 of 20 films, the last two films low."""
    monkeypatch.chdir(tmp_path)
    lines = [
        f"{user:03},{(3 * user + index) % 20},{5 if index < 8 else 1},{90 + index}"
        for user in range(8)
        for index in range(10)
    ]
    path = tmp_path / "interactions.csv"
    path.write_text("\n".join(["userId,movieId,rating,timestamp", *lines]))
    return tmp_path


@pytest.mark.parametrize("command", ["fit", "compare", "ablate", "tune", "inspect"])
def test_other_names_of_columns_are_offered_and_taken(world, capsys, command):
    code, out, err = run(capsys, command)
    assert (code, out) == (1, "")
    assert err.endswith("; pass --columns user=userId,item=movieId\n")
    code, out, err = run(capsys, command, *NAMES[:3], "6")
    assert (code, out) == (1, "")
    assert "none of 80 rows of interactions.csv has a rating of 6 or more" in err


def test_inspect_counts_what_is_left(world, capsys):
    code, out, err = run(capsys, "inspect", *NAMES, "--json")
    assert code == 0, err
    table = json.loads(out)["interactions"]
    assert (table["interactions"], table["users"], table["timestamps"]) == (64, 8, [90, 97])
    assert "16 of 80 rows of interactions.csv have a rating below 4; they were left out" in err


def test_a_run_remembers_how_its_tables_are_read(world, capsys):
    code, _, err = run(capsys, "fit", *NAMES, *QUICK)
    assert code == 0, err
    trained = Run.load("runs/latest")
    assert trained.config["reading"] == {"columns": NAMES[1], "min_rating": 4}
    assert trained.users.ids.to_list()[:2] == ["000", "001"]
    test_items = trained.items.ids.gather(trained.csr("test")[1]).to_list()
    lines = [f"{user:03},{film},5" for user, film in enumerate(test_items)]
    (world / "test.csv").write_text("\n".join(["userId,movieId,rating", *lines, "000,19,1"]))
    own = run(capsys, "evaluate", "-k", "5", "--json")
    code, out, err = run(capsys, "evaluate", "-k", "5", "--json", "--test", "test.csv")
    assert (code, out) == (0, own[1])
    assert f"is read with the run's options: {' '.join(NAMES)}" in err
    assert "1 of 9 rows of test.csv have a rating below 4" in err


def test_evaluate_reads_another_kind_of_table_with_its_own_options(world, capsys):
    assert run(capsys, "fit", *NAMES, *QUICK)[0] == 0
    (world / "test.csv").write_text("who,item_id\n000,19\n")
    words = ("evaluate", "-k", "5", "--json", "--test", "test.csv")
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "no column userId and no column movieId and no column rating" in err
    assert run(capsys, *words, "--columns", "user=who")[0] == 0
    code, _, err = run(capsys, "evaluate", "--min-rating", "4")
    assert code == 2
    assert "needs --test" in err


def test_a_training_is_resumed_with_the_same_rows_alone(world, capsys, monkeypatch):
    from mmgcn.models.mf import MF

    plain_draw = MF.draw

    def draw(self, sampler):
        os.kill(os.getpid(), signal.SIGINT)
        return plain_draw(self, sampler)

    monkeypatch.setattr(MF, "draw", draw)
    assert run(capsys, "fit", *NAMES, *QUICK)[0] == 130
    monkeypatch.undo()
    monkeypatch.chdir(world)
    code, _, err = run(capsys, "fit", *NAMES[:2], *QUICK, "--resume")
    assert code == 1
    assert "its --min-rating was 4.0 and is now None; use the" in err
    code, _, err = run(capsys, "fit", *NAMES, *QUICK, "--resume")
    assert code == 0, err
