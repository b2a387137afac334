"""The command line `mmgcn`: assembles the commands of both packages, nothing else."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter  # click, which typer contains

INTERRUPTED = 130

# Command -> (module that registers it, first sentence of its help). `mmgcn --help` prints these
# without importing the modules; tests/test_cli.py compares them with the docstrings.
COMMANDS = {
    "extract": (
        "extract.commands",
        "Extract features from videos: visual (v), acoustic (a), textual (t) and motion (m).",
    ),
    "modalities": (
        "extract.commands",
        "List the modalities: their letters, packages, encoders and presets.",
    ),
    "weights": (
        "extract.commands",
        "List, fetch and verify the weights of the encoders.",
    ),
    "store": (
        "extract.commands",
        "List, convert, export, publish and clean the feature sets of a store.",
    ),
    "import": (
        "mmgcn.commands.import_data",
        "Convert a data set of another tool into tables and arrays for `mmgcn fit`.",
    ),
    "init": (
        "mmgcn.commands.init",
        "Write a project file mmgcn.toml for the videos and tables of a folder.",
    ),
    "run": (
        "mmgcn.commands.run",
        "Extract, fit and evaluate the project of this folder, for example every night.",
    ),
    "config": (
        "mmgcn.commands.config",
        "Show the settings in effect, with their origins.",
    ),
    "inspect": (
        "mmgcn.commands.inspect",
        "Show the content of features and interactions, and mismatches between them.",
    ),
    "models": (
        "mmgcn.commands.models",
        "List the models, or the settings of one with their defaults and meanings.",
    ),
    "fit": (
        "mmgcn.commands.fit",
        "Train a model on interactions and features of the items.",
    ),
    "evaluate": (
        "mmgcn.commands.evaluate",
        "Rank all items for every user and compare with the test part.",
    ),
    "runs": (
        "mmgcn.commands.runs",
        "List, compare, pin and remove the runs of a folder.",
    ),
    "recommend": (
        "mmgcn.commands.recommend",
        "Recommend items to users, best first.",
    ),
    "similar": (
        "mmgcn.commands.similar",
        "List the items most similar to a given one, by the cosine of item vectors.",
    ),
    "map": (
        "mmgcn.commands.map",
        "Compute maps of a run's items, by all channels and by each modality, for page and report.",
    ),
    "report": (
        "mmgcn.commands.report",
        "Write a run as one HTML file: metrics, curves, modality worth, settings, example lists.",
    ),
    "serve": (
        "mmgcn.commands.serve",
        "Serve recommendations, explanations, videos and a web page over HTTP.",
    ),
    "export": (
        "mmgcn.commands.export",
        "Write the vectors of a run, or a data set in the format of another tool.",
    ),
    "compare": (
        "mmgcn.commands.compare",
        "Train several models on one split, over seeds, and write one table.",
    ),
    "ablate": (
        "mmgcn.commands.ablate",
        "Measure the worth of each modality by training a model without it.",
    ),
    "tune": (
        "mmgcn.commands.tune",
        "Search for the settings with the best validation metric.",
    ),
    "doctor": (
        "mmgcn.commands.doctor",
        "Show what this machine has, and what each command lacks, to paste into an issue.",
    ),
    "demo": (
        "mmgcn.commands.demo",
        "Extract, fit, evaluate and recommend on the 72 clips that come with mmgcn.",
    ),
}


def build_app() -> Callable[..., Any]:
    """Return the app. The module of a command is imported when the command is called."""
    from importlib import import_module
    from typing import Annotated

    import typer
    from typer.core import TyperCommand, TyperGroup

    class LazyGroup(TyperGroup):
        """A group that lists its commands by name and imports the one that is called.

        Its own help is plain text: rich takes longer to import than all the rest.
        """

        def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
            mode, self.rich_markup_mode = self.rich_markup_mode, None
            super().format_help(ctx, formatter)
            self.rich_markup_mode = mode

        def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
            del ctx
            with formatter.section("Commands"):
                formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

        def resolve_command(
            self, ctx: "Context", args: list[str]
        ) -> "tuple[str | None, Command | None, list[str]]":
            name, command, rest = super().resolve_command(ctx, args)
            if name in COMMANDS:
                command = self.load(name)
                if not ctx.resilient_parsing and not {"-h", "--help"} & {*rest}:
                    self.read_project(ctx, name, command, rest)
            return name, command, rest

        def load(self, name: str) -> "Command":
            """Import a command."""
            own = typer.Typer(rich_markup_mode="markdown")
            own.callback()(lambda: None)
            import_module(COMMANDS[name][0]).register(own)
            return typer.main.get_group(own).commands[name]

        def read_project(
            self, ctx: "Context", name: str, command: "Command", words: list[str]
        ) -> None:
            """Make the values of mmgcn.toml and MMGCN_* the defaults of a command."""
            from mmgcn.project.command_line import (
                WITHOUT_PROJECT,
                apply_project,
                read_project,
            )

            if name not in WITHOUT_PROJECT:
                ctx.obj = read_project(ctx.params["_project"], COMMANDS)
                apply_project(ctx, name, command, ctx.obj, words=words)

        def invoke(self, ctx: "Context") -> Any:
            try:
                return super().invoke(ctx)
            except typer.BadParameter as error:
                from mmgcn.project.command_line import explain_origin

                explain_origin(error)
                raise

    app = typer.Typer(
        cls=LazyGroup,
        name="mmgcn",
        help=(
            "Recommend micro-videos by their visual, acoustic and textual features.\n\n"
            "Three commands lead from a folder of videos and a table of interactions to ranked "
            "lists: extract, fit, recommend. `mmgcn demo` runs all three on the clips that come "
            "with mmgcn."
        ),
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def print_version(requested: bool) -> None:
        if requested:
            from importlib.metadata import version

            typer.echo(f"mmgcn {version('mmgcn')}")
            raise typer.Exit

    @app.callback()
    def options(
        _debug: Annotated[
            bool,
            typer.Option("--debug", help="Show the traceback of an error (in any position)."),
        ] = False,
        _project: Annotated[
            str | None,
            typer.Option(
                "--project",
                help="Project file, in whose folder the command runs, or none (in any position).",
                show_default="mmgcn.toml, if it exists",
                metavar="FILE",
            ),
        ] = None,
        _version: Annotated[
            bool,
            typer.Option(
                "--version", callback=print_version, is_eager=True, help="Print the version."
            ),
        ] = False,
    ) -> None:
        """Define the options that all commands share; `main` reads --debug."""

    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    for name, (_, summary) in COMMANDS.items():
        group.add_command(TyperCommand(name, help=summary, rich_markup_mode="markdown"))
    return group


def describe(error: Exception) -> str:
    """Return one line for the user: what came, what was expected, what to do.

    Errors of this project contain that sentence. Errors of the operating system are put into the
    same order, and any other error is reported as a bug.
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    expected = isinstance(error, ValueError | LookupError | OSError | ImportError)
    if expected and type(error) not in (KeyError, IndexError):
        return str(error)
    return (
        f"unexpected {type(error).__name__}: {error}; this is a bug in mmgcn: "
        "run the same command with --debug and report the traceback"
    )


def project_first(args: list[str]) -> list[str]:
    """Return the arguments with --project and its value before the command, where click reads it.

    >>> project_first(["fit", "--project", "films", "--model", "mf"])
    ['--project', 'films', 'fit', '--model', 'mf']
    """
    for index, arg in enumerate(args):
        if arg == "--project" or arg.startswith("--project="):
            stop = index + (2 if arg == "--project" else 1)
            return [*args[index:stop], *args[:index], *args[stop:]]
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    0 all done, 1 failed, 2 wrong usage, 3 done but some items failed, 4 another `mmgcn run` is in
    progress, 130 interrupted.
    """
    args = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in args or bool(os.environ.get("MMGCN_DEBUG"))
    args = project_first([arg for arg in args if arg != "--debug"])
    try:
        build_app()(args, prog_name="mmgcn")
    except KeyboardInterrupt:  # during imports; once a command runs, typer handles it
        sys.exit(INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        from rich.console import Console
        from rich.text import Text

        from extract.commands.output import printable

        line = printable(" ".join(describe(error).split()))
        Console(stderr=True, soft_wrap=True).print(Text(f"error: {line}", style="red"))
        sys.exit(1)


if __name__ == "__main__":
    main()
