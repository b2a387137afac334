"""The document of a run."""

import json

import numpy as np
import pytest

from mmgcn.evaluation.coverage import run_coverage
from mmgcn.report.poster_images import PosterImages
from mmgcn.report.run_report import run_document
from mmgcn.run import Run, RunError
from mmgcn.serving.item_map import store_map
from tests.runs import write_run_folder


@pytest.fixture
def folder(tmp_path):
    write_run_folder(tmp_path / "first", ["a", "b", "c", "d"])
    return tmp_path / "first"


def document(folder, test=None):
    return run_document(
        Run.load(folder), test=test or {}, lists=[], captions={}, posters=PosterImages()
    )


def test_it_shows_metrics_curves_and_settings(folder):
    text = document(folder, {"made": {"recall@20": 0.125}, "most popular": {"recall@20": 0.0625}})
    assert "<td>0.1250</td>" in text
    assert "<td>0.0625</td>" in text
    assert "<td>0.7500</td>" in text  # validation, from the configuration
    assert 'aria-label="Validation recall over the epochs: @10 0.500, @20 0.750"' in text
    assert '<th scope="row">dim</th><td>4</td>' in text
    assert "Modality worth" not in text


def test_values_that_are_not_finite_are_left_out_of_the_curves(folder):
    lines = ['{"epoch": 1, "loss": NaN, "recall@20": 0.5}', '{"epoch": 2, "recall@20": 0.5}']
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    text = document(folder)
    assert "Training loss" not in text
    assert "Validation recall over the epochs" in text


def test_ensemble_members_are_drawn_separately(folder):
    config = json.loads((folder / "config.json").read_text())
    config["settings"] |= {"ensemble_size": 2, "epochs": 4}
    (folder / "config.json").write_text(json.dumps(config))
    rows = [{"epoch": epoch, "recall@20": 0.5} for epoch in (1, 2, 3, 4)]
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    text = document(folder)
    assert text.count("<polyline") == 2
    assert "2 ensemble members, one after the other" in text


def test_the_hit_rate_is_left_out_where_it_equals_recall(folder):
    row = {"epoch": 1, "recall@20": 0.5, "hit_rate@20": 0.5}
    (folder / "metrics.jsonl").write_text(json.dumps(row))
    assert "Validation hit rate" in document(folder)  # nothing was held out: nothing is known
    np.save(folder / "valid_indptr.npy", np.arange(13))
    np.save(folder / "valid_indices.npy", np.zeros(12, dtype=np.int32))
    text = document(folder)
    assert "Validation hit rate" not in text
    assert "Validation recall" in text
    assert text.count("dashed: the most popular videos") == 1


def test_modality_worth_is_shown_once_it_was_measured(folder):
    row = {"modality": "visual", "how": "drop", "mean": 0.25, "low": None, "high": None}
    (folder / "ablation.json").write_text(json.dumps({"metric": "recall@20", "rows": [row]}))
    text = document(folder)
    assert "Drop in recall@20, with its interval: without visual +0.2500" in text


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": [{"modality": "visual"}], "metric": "x"}'])
def test_a_corrupt_ablation_is_an_error_with_its_path(folder, text):
    (folder / "ablation.json").write_text(text)
    with pytest.raises(RunError, match=r"ablation\.json is corrupt.*mmgcn ablate"):
        document(folder)


def test_corrupt_metrics_are_an_error_with_their_path(folder):
    (folder / "metrics.jsonl").write_text("{")
    with pytest.raises(RunError, match=r"metrics\.jsonl is corrupt"):
        document(folder)


def test_a_run_without_metrics_has_no_curves(folder):
    (folder / "metrics.jsonl").unlink()
    assert "<h2>Training</h2>" not in document(folder)


def test_coverage_is_that_of_the_library(folder):
    coverage = run_coverage(Run.load(folder))
    text = document(folder)
    assert "<h2>Data and bias</h2>" in text
    assert f"<dd>{coverage.popularity.gini:.2f}</dd>" in text
    assert f"<td>{coverage.groups['head'].lists:.1%}</td>" in text
    assert "<dt>items with visual</dt><dd>100.0%</dd>" in text


def test_maps_are_drawn_once_they_are_stored(folder):
    assert "<h2>Map</h2>" not in document(folder)
    run = Run.load(folder)
    stored = store_map(run)
    text = run_document(run, test={}, lists=[], captions={"a": "<b>"}, posters=PosterImages())
    assert text.count(' data-cluster="') == 4
    x, y = stored.xy[0]
    assert f"--x: {x:.4f}; --y: {y:.4f}" in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
