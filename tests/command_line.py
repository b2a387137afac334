"""The command line, called in this process."""

import pytest

import cli


def run(capture, *words):
    """Run `mmgcn WORDS`; return exit code, standard output and standard error.

    Args:
        capture: capsys or capfd.
    """
    capture.readouterr()
    with pytest.raises(SystemExit) as leaving:
        cli.main([str(word) for word in words])
    shown = capture.readouterr()
    return leaving.value.code or 0, shown.out, shown.err
