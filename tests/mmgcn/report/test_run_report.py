"""The document of a run."""

import json

import pytest

from mmgcn.report.poster_images import PosterImages
from mmgcn.report.run_report import run_document
from mmgcn.run import Run, RunError
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
    assert 'aria-label="Recall over the epochs: @10 0.500, @20 0.750"' in text
    assert '<th scope="row">dim</th><td>4</td>' in text
    assert "Modality worth" not in text


def test_values_that_are_not_finite_are_left_out_of_the_curves(folder):
    lines = ['{"epoch": 1, "loss": NaN, "recall@20": 0.5}', '{"epoch": 2, "recall@20": 0.5}']
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    text = document(folder)
    assert "Training loss" not in text
    assert "Recall over the epochs" in text


def test_modality_worth_is_shown_once_it_was_measured(folder):
    row = {"modality": "visual", "how": "drop", "mean": 0.25, "low": None, "high": None}
    (folder / "ablation.json").write_text(json.dumps({"metric": "recall@20", "rows": [row]}))
    text = document(folder)
    assert "Loss of recall@20, with its interval: without visual +0.2500" in text


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
