"""The command line in an empty folder."""

import pytest

import cli


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder; returns exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def running(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            cli.main([str(word) for word in words])
        shown = capsys.readouterr()
        return leaving.value.code or 0, shown.out, shown.err

    return running
