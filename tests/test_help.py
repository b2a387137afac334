"""The help of every command: it fits a terminal, and every option is a sentence."""

import re
from pathlib import Path

import pytest

import cli

MODELS = Path(__file__).parents[1] / "mmgcn" / "models"


@pytest.fixture
def help_of(capsys, monkeypatch):
    def shown(*words, width):
        monkeypatch.setenv("COLUMNS", str(width))
        with pytest.raises(SystemExit) as leaving:
            cli.main([*words, "--help"])
        assert leaving.value.code in (0, None)
        return capsys.readouterr().out

    return shown


@pytest.fixture
def commands(help_of):
    """The words of every command, those of `mmgcn weights` too."""
    found = [(name,) for name in names(help_of(width=200))]
    assert len(found) > 10
    return [*found, *(("weights", name) for name in names(help_of("weights", width=200)))]


def names(text):
    """The commands in a help, plain or in a box."""
    return re.findall(r"^(?:│ |  )(\w+) ", text.partition("Commands")[2], re.MULTILINE)


def test_help_fits_eighty_columns(help_of, commands):
    for words in commands:
        assert max(map(len, help_of(*words, width=80).splitlines())) <= 80, words


def test_every_option_has_a_type_and_a_sentence(help_of, commands):
    for words in commands:
        lines = re.findall(
            r"^│ [ *]*(--[\w-]+) (.+?) *│$", help_of(*words, width=400), re.MULTILINE
        )
        assert lines, words
        for option, text in lines:
            meaning = re.sub(r" *\[[^\]]*\]$", "", text).rsplit("   ", 1)[-1]  # without default
            assert meaning.endswith("."), (*words, option, text)
            assert "list[" not in text, (*words, option)
            assert "9223372036854775807" not in text, (*words, option)


def test_the_help_of_fit_names_every_model(help_of):
    text = help_of("fit", width=1000)
    assert [name for name in (p.stem for p in MODELS.glob("[a-z]*.py")) if name not in text] == []
