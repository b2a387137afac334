"""The rows of a comparison, and the files it writes."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from mmgcn.study.bar_chart import BASELINE, NOT_SIGNIFICANT, OTHER, colour
from mmgcn.study.comparison import (
    accuracy,
    cost,
    details,
    differences_of,
    rows_of,
    tables,
    trials_of,
    write,
)
from mmgcn.study.journal import Results
from mmgcn.study.trial import Outcome, Trial


def outcome(valid, *, test=None, seconds=2.0):
    def metrics(value):
        return {"recall@20": value, "ndcg@20": value / 2}

    return Outcome(
        metrics(valid), {} if test is None else metrics(test), 3, 1.0, seconds, 300 * 2**20, 0, 64
    )


@pytest.fixture
def results(source):
    return Results(
        {
            Trial(source, "popularity"): outcome(0.05, test=0.04),
            Trial(source, "mf", 0): outcome(0.1, test=0.3),
            Trial(source, "mf", 1): outcome(0.3, test=0.5, seconds=4.0),
        }
    )


@pytest.fixture
def rows(results):
    return rows_of(results, metric="recall@20")


@pytest.fixture
def with_users(results, tmp_path):
    """Four users, whose recalls have the means of the outcomes."""
    shares = {0.05: [0, 0, 0, 0.2], 0.1: [0, 0.2, 0, 0.2], 0.3: [0.2, 0.4, 0.2, 0.4]}
    for number, (trial, result) in enumerate(results.outcomes.items()):
        results.users[trial] = tmp_path / f"{number}.npz"
        recalls = np.array(shares[result.valid["recall@20"]])
        np.savez(results.users[trial], **{"valid recall@20": recalls, "valid ndcg@20": recalls / 2})
    return results


def test_a_solved_model_is_trained_once_and_the_others_for_each_seed(source):
    trials = trials_of(source, ["ease", "mf"], num_seeds=3, settings={"mf": {"dim": "8"}}, epochs=2)
    assert [(trial.model, trial.seed) for trial in trials] == [
        ("ease", 0),
        ("mf", 0),
        ("mf", 1),
        ("mf", 2),
    ]
    assert trials[0].settings == {}
    assert trials[1].settings == {"epochs": 2, "dim": "8"}


def test_the_best_on_validation_comes_first_with_mean_and_standard_deviation(rows):
    assert [(row.model, row.num_seeds, row.deterministic) for row in rows] == [
        ("mf", 2, False),
        ("popularity", 1, True),
    ]
    # 0.1 and 0.3: the mean is 0.2, the deviation sqrt(2 * 0.1^2 / 1)
    assert rows[0].mean("valid recall@20") == pytest.approx(0.2)
    assert rows[0].spread("valid recall@20") == pytest.approx(0.02**0.5)
    assert rows[1].spread("valid recall@20") is None


def test_the_table_shows_mean_and_standard_deviation(rows):
    columns, lines = accuracy(rows, "test", k=20)
    assert columns == ["model", "seeds", "test recall@20", "test ndcg@20"]
    assert lines[0] == ["mf", "2", "0.4000 ± 0.1414", "0.2000 ± 0.0707"]
    assert lines[1] == ["popularity", "1, solved", "0.0400", "0.0200"]
    columns, lines = cost(rows)
    assert lines[0] == ["mf", "1.0 ± 0.0", "3.0 ± 1.4", "300", "64", "3.0"]


def test_without_a_test_part_there_is_no_table_of_it(source):
    rows = rows_of(Results({Trial(source, "mf"): outcome(0.1)}), metric="recall@20")
    assert accuracy(rows, "test", k=20) == ([], [])


def test_each_is_compared_with_the_best_or_with_the_baseline(with_users, rows):
    found, unknown = differences_of(with_users, rows)
    assert unknown == []
    assert [(each.model, each.baseline, each.metric) for each in found] == [
        ("popularity", "mf", "valid recall@20"),
        ("popularity", "mf", "valid ndcg@20"),
    ]
    # By user -0.1, -0.3, -0.1, -0.1
    assert found[0].difference == pytest.approx(-0.15)
    # Variance 0.01 over 4 users, and 0.02 over 2 seeds: the error is sqrt(0.0025 + 0.01).
    # Degrees: 0.0125^2 / (0.0025^2 / 3 + 0.01^2 / 1) = 1.53, rounded down to one.
    assert found[0].high == pytest.approx(-0.15 + 12.7062 * 0.0125**0.5)
    back, _ = differences_of(with_users, rows, baseline="popularity")
    assert [(each.model, each.baseline) for each in back] == [("mf", "popularity")] * 2
    assert back[0].difference == pytest.approx(0.15)


def test_a_model_without_metrics_of_users_is_named_and_the_others_compared(with_users, rows):
    trial = next(trial for trial in with_users.users if trial.seed == 1)
    del with_users.users[trial]
    assert differences_of(with_users, rows) == ([], ["mf"])  # there is no baseline
    assert differences_of(with_users, rows, baseline="popularity") == ([], ["mf"])
    assert differences_of(Results(), []) == ([], [])


def test_differences_stand_between_the_metrics_and_the_cost(with_users, rows):
    differences, _ = differences_of(with_users, rows)
    heads = [columns[:2] for columns, _ in tables(rows, differences, k=20)]
    assert heads == [["model", "seeds"]] * 2 + [
        ["minus mf", "valid recall@20"],
        ["model", "training s"],
    ]
    assert len(tables(rows, [], k=20)) == 3


def test_details_are_tables_of_the_part_that_is_there(source, tmp_path):
    assert details(rows_of(Results({Trial(source, "mf"): outcome(0.1)}), metric="x"), k=20) == []
    values = {"valid map@20": 0.25, "valid popularity_lift@20": 0.5, "valid recall@20 cold": 0.125}
    one = replace(outcome(0.1), details=values)
    rows = rows_of(Results({Trial(source, "mf"): one}), metric="recall@20")
    assert details(rows, k=20) == [
        (["model", "valid map@20", "valid popularity lift@20"], [["mf", "0.2500", "0.5000"]]),
        (["model", "valid recall@20 cold"], [["mf", "0.1250"]]),
    ]
    write(tmp_path, rows, [], k=20, about="40 users.")
    assert "popularity lift@20" in (tmp_path / "compare.md").read_text()
    assert "valid map@20 mean" in (tmp_path / "compare.csv").read_text()


def test_the_output_files_are_written(with_users, rows, tmp_path):
    differences, _ = differences_of(with_users, rows)
    out = tmp_path / "out"
    out.mkdir()
    write(out, rows, differences, k=20, about="40 users.")
    assert sorted(path.name for path in out.iterdir()) == [
        "compare.csv",
        "compare.md",
        "compare.png",
        "differences.csv",
    ]
    with (out / "compare.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["model"] == "mf"
    assert float(first["valid recall@20 mean"]) == pytest.approx(0.2)
    assert float(first["valid recall@20 sd"]) == pytest.approx(0.02**0.5)
    assert second["valid recall@20 sd"] == ""
    text = (out / "compare.md").read_text()
    assert "| mf | 2 | 0.2000 ± 0.1414 |" in text
    assert "| popularity | -0.1500 | [" in text
    assert text.startswith("40 users.")
    assert (out / "differences.csv").read_text().count("\n") == 3
    assert (out / "compare.png").read_bytes()[1:4] == b"PNG"


def test_the_chart_shows_the_baseline_and_what_does_not_differ_significantly(rows, with_users):
    unclear, _ = differences_of(with_users, rows)
    clear = [replace(each, p_holm=0.01) for each in unclear]
    best, other = rows
    colours = [
        colour(row, "valid recall@20", "mf", differences)
        for row, differences in ((best, unclear), (other, unclear), (other, clear), (other, []))
    ]
    assert colours == [BASELINE, NOT_SIGNIFICANT, OTHER, OTHER]
