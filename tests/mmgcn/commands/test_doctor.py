"""mmgcn doctor."""

import json

import pytest

import cli
from extract import diagnosis


@pytest.fixture
def doctor(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def running(*words):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["doctor", *words])
        assert not leaving.value.code
        return capsys.readouterr().out

    return running


def test_the_report_has_versions_and_what_is_missing(doctor, monkeypatch):
    missing = [{"for": "tune", "packages": ["optuna"], "remedy": "pip install '.[tune]'"}]
    monkeypatch.setattr(diagnosis, "_missing", lambda: missing)
    out = doctor()
    assert f"mmgcn          {diagnosis.version('mmgcn')}, Python 3." in out
    assert "tune          optuna     pip install '.[tune]'" in out
    assert "GiB in the working folder" in out


def test_a_broken_project_is_reported_and_no_error(doctor, tmp_path, monkeypatch):
    monkeypatch.setattr(diagnosis, "diagnose", lambda: {"missing": []})
    (tmp_path / "mmgcn.toml").write_text("[fti]\n")
    assert json.loads(doctor("--json"))["project"] == (
        "mmgcn.toml has a table [fti]; did you mean fit?"
    )
