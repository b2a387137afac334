"""The command line: help, version, errors and exit codes."""

import errno
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

import cli
from tests.command_line import run


def test_help_names_the_three_commands(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(name in out for name in ("extract", "fit", "recommend"))


def test_a_paragraph_of_help_is_not_broken_where_its_source_is(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = run(capsys, "compare", "--help")
    assert "the validation part; the test part, if there is one, has a separate table." in out


def test_version_is_that_of_the_distribution(capsys):
    from importlib.metadata import version

    assert run(capsys, "--version")[:2] == (0, f"mmgcn {version('mmgcn')}\n")


def test_the_help_lists_the_first_sentence_of_every_command():
    for name, (module, summary) in cli.COMMANDS.items():
        app = typer.Typer()
        app.callback()(lambda: None)
        import_module(module).register(app)
        command = typer.main.get_group(app).commands[name]
        assert " ".join(command.help.partition("\n\n")[0].split()) == summary, name


def test_every_module_that_registers_a_command_is_listed():
    listed = {module for module, _ in cli.COMMANDS.values()}
    folder = Path(cli.__file__).parent / "mmgcn" / "commands"
    registering = {
        f"mmgcn.commands.{path.stem}"
        for path in folder.glob("*.py")
        if "\ndef register(" in path.read_text(encoding="utf-8")
    }
    assert listed == registering | {"extract.commands"}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_help_has_every_command_with_its_whole_summary(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = run(capsys, "--help")
    text = " ".join(out.split())
    for name, (_, summary) in cli.COMMANDS.items():
        assert f" {name} {summary}" in text


@pytest.mark.parametrize(
    ("line", "completions"),
    [
        ("mmgcn rep", ["report"]),
        ("mmgcn fit --mod", ["--model"]),
        ("mmgcn fit --missing ", ["error", "mask", "drop"]),
        ("mmgcn weights f", ["fetch"]),
    ],
)
def test_bash_completes_commands_options_and_choices(line, completions):
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    assert completed("bash", words) == completions


def test_zsh_and_fish_complete_options():
    line = {"_TYPER_COMPLETE_ARGS": "mmgcn fit --mod"}
    assert '"--model"' in "".join(completed("zsh", line))
    fish = completed("fish", line | {"_TYPER_COMPLETE_FISH_ACTION": "get-args"})
    assert fish[0].split("\t")[0] == "--model"


def completed(shell, variables):
    """The lines that a shell receives when it asks for completions."""
    done = subprocess.run(
        [sys.executable, "-m", "mmgcn"],
        env={**os.environ, "_MMGCN_COMPLETE": f"complete_{shell}", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_an_unknown_command_is_a_usage_error(capsys):
    code, _, err = run(capsys, "recomend")
    assert code == 2
    assert "recomend" in err


def test_an_unknown_option_is_a_usage_error(capsys):
    code, _, err = run(capsys, "recommend", "--usr", "42")
    assert code == 2
    assert "--usr" in err


def test_a_foreseen_error_is_one_line_and_exit_code_1(capsys, tmp_path):
    code, out, err = run(capsys, "recommend", "--user", "42", "--run", str(tmp_path / "nowhere"))
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "nowhere" in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_debug_shows_the_traceback_in_any_position(tmp_path):
    missing_run = str(tmp_path / "nowhere")
    with pytest.raises(Exception, match="nowhere"):
        cli.main(["recommend", "--user", "42", "--run", missing_run, "--debug"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("k is 0; pass 1 or more"), "k is 0; pass 1 or more"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), "out: Permission denied"),
        (KeyError("x"), "unexpected KeyError: 'x'; this is a bug"),
        (RuntimeError("boom"), "unexpected RuntimeError: boom; this is a bug"),
    ],
)
def test_errors_are_described_in_one_line(error, line):
    assert cli.describe(error).startswith(line)


@pytest.mark.parametrize("module", ["typer", "mmgcn.commands.fit", "rich"])
def test_an_interruption_while_the_commands_are_imported_is_quiet(module):
    code = f"""
import signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
sys.meta_path.insert(0, Finder())
from cli import main
main(["fit", "--help"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_importing_the_command_line_imports_no_command():
    code = "import cli, sys; assert not {'typer', 'rich', 'extract', 'mmgcn'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
