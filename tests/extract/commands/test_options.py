"""Options from dataclasses: names, types, defaults and errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from extract.commands.options import Flag, field_docs, name_and_value, with_options
from extract.commands.usage import (
    given_options,
    in_flags,
    refuse_options,
    refuse_options_but,
)

if TYPE_CHECKING:
    from extract.nowhere import Limits


@dataclass(frozen=True)
class Base:
    num_frames: int = 16
    """Frames of each clip."""


@dataclass(frozen=True)
class Config(Base):
    dtype: Literal["float16", "float32"] = "float16"
    """Type of the rows, on two
    lines of text."""
    strict: bool = False
    """Stop at the first failure."""
    out: Path | None = None
    """Folder of the rows."""
    modalities: tuple[str, ...] = ("visual",)
    """Names of modalities."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """Weights by modality."""
    fps: float | None = None
    """Frames a second."""
    limits: "Limits | None" = None

    def __post_init__(self):
        if self.num_frames < 1:
            raise ValueError(f"num_frames is {self.num_frames}; at least 1 is needed")


@pytest.fixture
def run():
    """Run a command; returns its exit code, what it was called with, and its output."""

    def running(*words, body=lambda _: None, **flags):
        called = []
        app = typer.Typer()

        def command(
            videos: Annotated[list[str] | None, typer.Argument()] = None,
            config: Config = Config(),
            json: Annotated[bool, typer.Option("--json", "-j")] = False,
        ) -> None:
            """A command."""
            called.append((videos, config, json))
            body(config)

        app.command()(with_options(config={"limits": None} | flags)(command))
        result = CliRunner().invoke(app, words, env={"COLUMNS": "150", "TERM": "dumb"})
        return result, called

    return running


def test_without_options_every_field_has_its_default(run):
    assert run()[1] == [(None, Config(), False)]


def test_each_field_is_an_option(run):
    words = ["a.mp4", "--num-frames", "4", "--dtype", "float32", "--strict"]
    words += ["--out", "x", "--fps", "2.5", "-j"]
    (called,) = run(*words)[1]
    config = Config(num_frames=4, dtype="float32", strict=True, out=Path("x"), fps=2.5)
    assert called == (["a.mp4"], config, True)


def test_tuples_and_mappings_are_repeatable(run):
    (called,) = run(
        *("--modalities", "a", "--modalities", "t"), *("--weights", "a=x=y", "--weights", "b=z")
    )[1]
    assert called[1] == Config(modalities=("a", "t"), weights={"a": "x=y", "b": "z"})


def test_the_help_is_the_sentence_below_the_field(run):
    text = " ".join(run("--help")[0].output.split())
    assert "Frames of each clip." in text
    assert "Type of the rows, on two lines of text." in text
    assert "[float16|float32]" in text
    assert "--limits" not in text


def test_a_spelling_changes_name_help_and_value(run):
    flag = Flag(
        ("--modality", "-m"),
        help="Letters.",
        parse=lambda text: tuple(text.split(",")),
        repeatable=False,
        show_default="v",
    )
    (called,) = run("-m", "v,a", modalities=flag)[1]
    assert called[1].modalities == ("v", "a")
    text = " ".join(run("--help", modalities=flag)[0].output.split())
    assert "--modalities" not in text
    assert re.search(r"--modality -m <str> Letters\. \[default: (\(v\)|v)\]", text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dtype", "int"], "'int' is not one of float16, float32"),
        (["--num-frames", "0"], "--num-frames is 0; at least 1 is needed"),
        (["--weights", "a"], "'a' is not NAME=VALUE"),
        (["--limits", "1"], "No such option"),
    ],
)
def test_a_wrong_value_is_a_usage_error(run, words, message):
    result, called = run(*words)
    assert result.exit_code == 2
    assert called == []
    assert message in " ".join(result.output.split())


def test_a_smallest_value_is_checked(run):
    assert run("--fps", "0.5", fps=Flag(min=1))[0].exit_code == 2


@pytest.mark.parametrize("kind", [LookupError, OSError])
def test_an_error_of_the_library_names_the_option(run, kind):
    def body(_config):
        raise kind("nothing matches; pass num_frames=8 or `strict`, or `modalities`")

    result, _ = run(body=body, modalities=Flag(("--modality", "-m")))
    assert str(result.exception) == (
        "nothing matches; pass --num-frames 8 or --strict, or --modality"
    )
    assert isinstance(result.exception.__cause__, kind)


def test_a_field_without_an_option_of_its_own_is_named_by_the_option_that_sets_it(run):
    def body(_config):
        raise ValueError("leave `fps` out")

    result, _ = run(body=body, fps=Flag(part_of="--rate FPS"))
    assert str(result.exception) == "leave --rate FPS out"
    assert run("--fps", "1", fps=Flag(part_of="--rate FPS"))[0].exit_code == 2


@pytest.mark.parametrize(
    "error", [KeyError("num_frames"), OSError(2, "No such file", "num_frames")]
)
def test_other_errors_are_unchanged(run, error):
    def body(_config):
        raise error

    assert run(body=body)[0].exception is error


def test_an_option_that_would_be_ignored_is_refused(run):
    def body(_config):
        refuse_options("fps", "json", because="a folder has no frames")

    assert run("--strict", body=body)[0].exit_code == 0
    result, _ = run("--json", body=body)
    assert result.exit_code == 2
    assert "Invalid value for --json: a folder has no frames" in " ".join(result.output.split())


def test_all_but_some_options_can_be_refused(run):
    def body(_config):
        refuse_options_but("json", because="it checks the store alone")

    assert run("--json", body=body)[0].exit_code == 0
    result, _ = run("--num-frames", "16", body=body)  # its default, but given
    assert result.exit_code == 2
    assert "for --num-frames: it checks" in " ".join(result.output.split())


def test_given_options_are_those_of_the_command_line(run):
    seen = []
    run("x", "--json", "--fps", "1", body=lambda _: seen.extend(given_options()))
    assert seen == ["videos", "fps", "json"]


def test_fields_that_no_option_can_take_are_refused():
    @dataclass(frozen=True)
    class Odd:
        value: complex = 0j

    def command(odd: Odd) -> None: ...

    command.__annotations__["odd"] = Odd
    with pytest.raises(TypeError, match=r"Odd\.value is <class 'complex'>; give it a Flag with"):
        with_options()(command)


def test_a_spelling_for_no_field_is_refused():
    def command(config: Config) -> None: ...

    with pytest.raises(TypeError, match="Config has no field fsp"):
        with_options(config={"fsp": None, "limits": None})(command)


def test_two_options_of_one_name_are_refused():
    def command(fps: float = 1, config: Config = Config()) -> None: ...

    with pytest.raises(TypeError, match="two parameters are called fps"):
        with_options(config={"limits": None})(command)


def test_a_field_has_the_text_below_it_or_none():
    assert field_docs(Config)["num_frames"] == "Frames of each clip."
    assert "limits" not in field_docs(Config)


def test_a_name_without_a_value_is_a_usage_error():
    with pytest.raises(typer.BadParameter, match="'=x' is not NAME=VALUE"):
        name_and_value("=x", "--set")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("k_core is 0", "--k-core is 0"),
        ("missing is 'x'; known: error", "--missing is 'x'; known: error"),
        ("two missing items", "two missing items"),
        ("pass missing='mask'", "pass --missing mask"),
        ("pass `missing='mask'`, or not", "pass --missing mask, or not"),
        ("pass dim=3", "pass dim=3"),
        ("the column 'k_core' of k_core.csv", "the column 'k_core' of k_core.csv"),
        ("unknown_k_core or k_core_more", "unknown_k_core or k_core_more"),
    ],
)
def test_unambiguous_names_of_arguments_become_flags(message, expected):
    assert in_flags(message, {"k_core": "--k-core", "missing": "--missing"}) == expected


def test_without_options_a_message_is_unchanged():
    assert in_flags("missing is 0", {}) == "missing is 0"
