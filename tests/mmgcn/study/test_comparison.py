"""The rows of a comparison, and the files it writes."""

import csv

import pytest

from mmgcn.study.comparison import accuracy, cost, rows_of, trials_of, write
from mmgcn.study.journal import Results
from mmgcn.study.trial import Outcome, Trial


def outcome(valid, *, test=None, seconds=2.0):
    def figures(value):
        return {"recall@20": value, "ndcg@20": value / 2}

    return Outcome(
        figures(valid), {} if test is None else figures(test), 3, 1.0, seconds, 300 * 2**20, 0, 64
    )


@pytest.fixture
def rows(source):
    results = Results(
        {
            Trial(source, "popularity"): outcome(0.05, test=0.04),
            Trial(source, "mf", 0): outcome(0.1, test=0.3),
            Trial(source, "mf", 1): outcome(0.3, test=0.5, seconds=4.0),
        }
    )
    return rows_of(results, metric="recall@20")


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


def test_the_best_on_validation_comes_first_with_mean_and_spread(rows):
    assert [(row.model, row.num_seeds, row.deterministic) for row in rows] == [
        ("mf", 2, False),
        ("popularity", 1, True),
    ]
    # 0.1 and 0.3: the mean is 0.2, the deviation sqrt(2 * 0.1^2 / 1)
    assert rows[0].mean("valid recall@20") == pytest.approx(0.2)
    assert rows[0].spread("valid recall@20") == pytest.approx(0.02**0.5)
    assert rows[1].spread("valid recall@20") is None


def test_a_person_reads_mean_and_spread(rows):
    columns, lines = accuracy(rows, "test", k=20)
    assert columns == ["model", "seeds", "test recall@20", "test ndcg@20"]
    assert lines[0] == ["mf", "2", "0.4000 ± 0.1414", "0.2000 ± 0.0707"]
    assert lines[1] == ["popularity", "1, solved", "0.0400", "0.0200"]
    columns, lines = cost(rows)
    assert lines[0] == ["mf", "1.0 ± 0.0", "3.0 ± 1.4", "300", "64", "3.0"]


def test_without_a_test_part_there_is_no_table_of_it(source):
    rows = rows_of(Results({Trial(source, "mf"): outcome(0.1)}), metric="recall@20")
    assert accuracy(rows, "test", k=20) == ([], [])


def test_the_files(rows, tmp_path):
    write(tmp_path, rows, k=20, about="40 users.")
    assert sorted(path.name for path in tmp_path.iterdir() if "compare" in path.name) == [
        "compare.csv",
        "compare.md",
        "compare.png",
    ]
    with (tmp_path / "compare.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["model"] == "mf"
    assert float(first["valid recall@20 mean"]) == pytest.approx(0.2)
    assert float(first["valid recall@20 sd"]) == pytest.approx(0.02**0.5)
    assert second["valid recall@20 sd"] == ""
    text = (tmp_path / "compare.md").read_text()
    assert "| mf | 2 | 0.2000 ± 0.1414 |" in text
    assert text.startswith("40 users.")
    assert (tmp_path / "compare.png").read_bytes()[1:4] == b"PNG"
