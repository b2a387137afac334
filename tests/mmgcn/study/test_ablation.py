"""Worth of a modality: pairs of seeds, intervals, and the files."""

import json

import pytest

from mmgcn.run import Run
from mmgcn.study.ablation import FULL_MODEL, ablation_of, label, trials_of, variants_of
from mmgcn.study.ablation_files import basis, table_of, to_json, write
from mmgcn.study.change import Change
from mmgcn.study.journal import Results
from mmgcn.study.trial import Outcome
from mmgcn.training.fit import fit
from tests.mmgcn.models.test_cold_items import cold_metrics, world

# Metrics of the full model and of the model without visual features, by seed.
WITH, WITHOUT = [0.50, 0.60, 0.70], [0.40, 0.55, 0.55]


def outcome(value, *, test=None):
    return Outcome(
        {"recall@20": value}, {} if test is None else {"recall@20": test}, 1, 1.0, 1.0, 1, 0, 1
    )


@pytest.fixture
def variants():
    return variants_of(["visual"], hows=["drop"], shares=[0.3], settings=[{"dim": "8"}])


@pytest.fixture
def trials(source, variants):
    return trials_of(source, "mf", variants, num_seeds=3, settings={"dim": "16"})


@pytest.fixture
def results(trials, variants):
    values = dict.fromkeys(variants, WITHOUT) | {FULL_MODEL: WITH}
    return Results(
        {
            trial: outcome(values[variant][trial.seed])
            for variant, of_variant in trials.items()
            for trial in of_variant
        }
    )


def test_every_modality_is_taken_away_in_every_way():
    found = variants_of(["visual", "acoustic"], hows=["drop", "shuffle"], shares=[0.1])
    assert [variant.change for variant in found] == [
        Change("drop", "visual"),
        Change("shuffle", "visual"),
        Change("drop", "acoustic"),
        Change("shuffle", "acoustic"),
        Change("missing", share=0.1),
    ]
    assert [label(variant) for variant in found] == [
        *("without visual", "visual shuffled", "without acoustic", "acoustic shuffled"),
        "10% of items lack one",
    ]


def test_the_full_model_and_each_variant_get_the_same_seeds(trials, variants):
    assert [trial.seed for of in trials.values() for trial in of] == [0, 1, 2] * 4
    assert trials[FULL_MODEL][0].settings == {"dim": "16"}
    assert trials[variants[-1]][0].settings == {"dim": "8"}
    assert trials[variants[0]][1].change == Change("drop", "visual")


def test_the_worth_is_the_mean_difference_of_pairs_with_its_interval(trials, results):
    result = ablation_of(trials, results, model="mf", metric="recall@20")
    effect = result.effects[0]
    assert effect.worth == pytest.approx([0.10, 0.05, 0.15])
    # mean 0.1, deviation 0.05, and Student's t of two degrees is 4.303
    half = 4.303 * 0.05 / 3**0.5
    assert (effect.mean, effect.low, effect.high) == pytest.approx(
        (0.1, 0.1 - half, 0.1 + half), abs=1e-4
    )
    assert result.part == "valid"
    assert result.whole == WITH


def test_a_seed_that_failed_is_left_out_of_its_pairs(trials, results):
    failed = trials[FULL_MODEL][1]
    del results.outcomes[failed]
    results.failures[failed] = "no luck"
    result = ablation_of(trials, results, model="mf", metric="recall@20")
    assert result.effects[0].worth == pytest.approx([0.10, 0.15])
    for trial in trials[FULL_MODEL]:
        results.outcomes.pop(trial, None)
    assert ablation_of(trials, results, model="mf", metric="recall@20") is None


def test_the_test_part_is_taken_where_there_is_one(source, variants):
    trials = trials_of(source, "mf", variants[:1], num_seeds=1, settings={})
    first, second = (of_variant[0] for of_variant in trials.values())
    results = Results({first: outcome(0.5, test=0.4), second: outcome(0.5, test=0.1)})
    result = ablation_of(trials, results, model="mf", metric="recall@20")
    assert result.part == "test"
    assert result.effects[0].mean == pytest.approx(0.3)
    assert result.effects[0].low is result.effects[0].high is None


def test_the_json_has_a_row_for_each_modality(trials, results):
    values = to_json(ablation_of(trials, results, model="mf", metric="recall@20"))
    assert {"metric", "model", "seeds", "rows"} <= values.keys()
    assert (values["metric"], values["model"], values["seeds"]) == ("recall@20", "mf", 3)
    (row,) = values["rows"]
    assert (row["modality"], row["how"]) == ("visual", "drop")
    assert row["low"] < row["mean"] < row["high"]
    assert [row["share"] for row in values["missing"]] == [0.3]
    assert [row["setting"] for row in values["settings"]] == ["dim=8"]


def test_the_table_shows_the_worth_of_each_modality(trials, results):
    result = ablation_of(trials, results, model="mf", metric="recall@20")
    columns, rows = table_of(result)
    assert columns[:3] == ["mf", "recall@20", "worth"]
    assert rows[0][:2] == ["full model", "0.6000"]
    assert rows[1] == ["without visual", "0.5000", "+0.1000", "[-0.0242, +0.2242]", "+16.7%"]
    assert basis(result) == "validation part, 3 seeds"
    assert rows[2][0] == "30% of items lack one"


def test_the_output_files_are_written(trials, results, tmp_path):
    result = ablation_of(trials, results, model="mf", metric="recall@20")
    write(tmp_path, result, about="On made-up data.")
    assert json.loads((tmp_path / "ablation.json").read_text()) == to_json(result)
    assert "| without visual | 0.5000 | +0.1000 |" in (tmp_path / "ablation.md").read_text()
    lines = (tmp_path / "ablation.csv").read_text().splitlines()
    assert lines[0] == "without,how,share,seeds,recall@20,worth,low,high"
    assert [line.split(",")[1] for line in lines[1:]] == ["none", "drop", "missing", "setting"]
    assert (tmp_path / "ablation.png").read_bytes()[1:4] == b"PNG"


def test_without_visual_features_cold_items_are_not_found(tmp_path):
    """Nobody has watched them, so only their features describe them."""
    settings = {"batch_size": 128, "num_negatives": 64, "epochs": 2, "ensemble_size": 1}
    data = world(modalities=("visual",))
    found = [
        cold_metrics(
            Run.load(
                fit(
                    change.apply(data, 0),
                    model="linear_mmgcn",
                    out=tmp_path / change.how,
                    settings=settings,
                    device="cpu",
                ).run
            )
        )
        for change in (Change(), Change("shuffle", "visual"))
    ]
    whole, shuffled = (group.metrics["recall@10"] for group in found)
    assert whole - shuffled > 0.2
