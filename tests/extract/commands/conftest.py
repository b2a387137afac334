"""The command line in an empty folder."""

from functools import partial

import pytest

from tests import command_line


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder; returns exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    return partial(command_line.run, capsys)
