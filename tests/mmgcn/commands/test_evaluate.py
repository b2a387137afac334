"""mmgcn evaluate --cold-items: separate groups, and the limits of an ordinary split."""

import json

import numpy as np
import pytest

from mmgcn.run import Run
from mmgcn.training.fit import fit
from tests.command_line import run
from tests.mmgcn.models.test_cold_items import world
from tests.worlds import clusters, dataset

QUICK = {"batch_size": 128, "num_negatives": 64, "epochs": 3}


@pytest.fixture(scope="module")
def cold_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return str(fit(world(), model="linear_mmgcn", out=out, settings=QUICK, device="cpu").run)


@pytest.fixture(scope="module")
def ordinary_run(tmp_path_factory):
    """Every item is watched."""
    out = tmp_path_factory.mktemp("ordinary")
    return str(fit(dataset(clusters(seen=8)), model="popularity", out=out, device="cpu").run)


def test_groups_are_shown_separately(cold_run, capsys):
    code, out, err = run(capsys, "evaluate", "--run", cold_run, "--cold-items", "-k", "5,10")
    assert code == 0, err
    for group in ("all", "warm", "head", "tail", "cold"):
        assert f"\n {group} " in out or f"\n{group} " in out
    assert "chance" in out
    assert "negatives" not in err


def test_the_number_of_evaluated_users_is_printed(ordinary_run, capsys):
    code, out, _ = run(capsys, "evaluate", "--run", ordinary_run, "-k", "5")
    assert code == 0
    test = clusters(seen=8).test
    num_users = len(set(test.user_index))
    assert out.startswith(f"{num_users} users with a test item; 40 items ranked for each\n")


def test_json_contains_every_group(cold_run, capsys):
    words = ("evaluate", "--run", cold_run, "--cold-items", "-k", "5,10", "--json")
    code, out, _ = run(capsys, *words)
    assert code == 0
    answer = json.loads(out)
    assert list(answer["groups"]) == ["all", "warm", "head", "tail", "cold"]
    cold = answer["groups"]["cold"]
    assert cold["num_items"] == 8
    assert cold["metrics"]["recall@10"] > 2 * cold["chance"]["recall@10"]
    assert cold["metrics"]["recall@10"] > cold["most_popular"]["recall@10"]
    plain = json.loads(run(capsys, *words[:3], *words[4:])[1])
    assert plain.pop("most_popular") == answer["groups"]["all"]["most_popular"]
    assert answer["groups"]["all"]["metrics"] == plain


def test_cold_items_alone_can_be_the_candidates(cold_run, capsys):
    words = ("evaluate", "--run", cold_run, "--cold-items", "--candidates", "cold", "-k", "2,8")
    answer = json.loads(run(capsys, *words, "--json")[1])
    assert list(answer["groups"]) == ["cold"]
    cold = answer["groups"]["cold"]
    assert cold["metrics"]["recall@8"] == cold["chance"]["recall@8"] == 1
    assert "most_popular" not in cold  # all of them are equally unpopular
    _, out, _ = run(capsys, *words)
    assert "among cold items only" in out
    assert "popular" not in out


def test_an_empty_group_is_reported_as_empty(ordinary_run, capsys):
    code, out, _ = run(capsys, "evaluate", "--run", ordinary_run, "--cold-items", "-k", "5")
    assert code == 0
    assert "cold: empty, it has no item; the run's split is random: fit with --split cold" in out


def test_a_note_says_that_cold_items_were_negatives(tmp_path, capsys):
    settings = {**QUICK, "negatives": "all", "epochs": 1}
    trained = fit(world(), model="mmgcn", out=tmp_path, settings=settings, device="cpu").run
    _, _, err = run(capsys, "evaluate", "--run", str(trained), "--cold-items", "-k", "5")
    assert "fit with --set negatives=watched" in err


def test_lists_are_shorter_than_the_catalogue_unless_k_is_given(ordinary_run, capsys):
    code, out, err = run(capsys, "evaluate", "--run", ordinary_run, "--json")  # 40 items
    assert code == 0, err
    assert [name for name in json.loads(out) if name.startswith("recall")] == [
        *("recall@5", "recall@10", "recall@20")
    ]
    code, _, err = run(capsys, "evaluate", "--run", ordinary_run, "-k", "50")
    assert code == 1
    assert "--k is 50; it must be from 1 to the number of items, 40" in err


def test_test_pairs_that_the_run_was_trained_on_are_left_out_with_a_note(
    ordinary_run, capsys, tmp_path
):
    trained = Run.load(ordinary_run)
    held_out, known = [], []
    for part, pairs in (("test", held_out), ("seen", known), ("valid", known)):
        indptr, indices = trained.csr(part)
        users = np.repeat(np.arange(len(trained.users)), np.diff(indptr))
        pairs += zip(
            trained.users.ids.gather(users), trained.items.ids.gather(indices), strict=True
        )
    table = tmp_path / "test.csv"
    table.write_text("user_id,item_id\n" + "".join(f"{u},{i}\n" for u, i in [*known, *held_out]))
    words = ("evaluate", "--run", ordinary_run, "-k", "5", "--json")
    code, out, err = run(capsys, *words, "--test", str(table))
    assert code == 0, err
    assert json.loads(out) == json.loads(run(capsys, *words)[1])
    assert f"{len(known)} of {len(known) + len(held_out)} test pairs are in the run's" in err
    table.write_text("user_id,item_id\n" + "".join(f"{u},{i}\n" for u, i in known))
    code, out, err = run(capsys, *words, "--test", str(table))
    assert (code, out) == (1, "")
    assert f"all of {table} is in the run's training or validation part" in err


def test_a_test_part_has_the_same_metrics_in_fit_and_evaluate(tmp_path, capsys):
    """The model is popularity, so that held-out interactions do not change what is learned."""
    rows = {"train": "u1,a u1,b u2,a u2,c u3,a", "test": "u1,c u1,new u2,a u3,b u9,a u9,new"}
    for name, pairs in rows.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["user_id,item_id", *pairs.split()]))
    train, test = (str(tmp_path / f"{name}.csv") for name in rows)
    fitting = ("fit", "--model", "popularity", "-i", train, "--device", "cpu", "--json")
    answers = []
    for name, of_fit, of_evaluate in (
        ("fit", ("--test", test), ()),
        ("evaluate", ("--split", "none"), ("--test", test)),
    ):
        out = str(tmp_path / name)
        assert run(capsys, *fitting, *of_fit, "--out", out)[0] == 0
        answer = run(
            capsys, "evaluate", "--run", f"{out}/latest", "-k", "1", "--json", *of_evaluate
        )
        answers.append((json.loads(answer[1]), answer[2]))
    (first, _), (second, err) = answers
    assert first == second
    # u1 finds c, u3 finds b, the unknown u9 finds a: half, all and half of what they have.
    assert first["recall@1"] == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert "1 of 6 test pairs are in the run's training or validation part" in err
    assert "3 of 5 test interactions have a user (2) or an item (2) that is not in the run" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--candidates", "cold"), "needs --cold-items"),
        (("--cold-items", "--candidates", "warm"), "is not one of all, cold"),
    ],
)
def test_usage_errors_have_exit_code_2(ordinary_run, capsys, words, message):
    code, out, err = run(capsys, "evaluate", "--run", ordinary_run, *words)
    assert (code, out) == (2, "")
    assert message in err
