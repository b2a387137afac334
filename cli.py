"""The command line `mmgcn`: assembles the commands of both halves, nothing else."""

import os
import sys
from collections.abc import Callable, Sequence

INTERRUPTED = 130


def assembled() -> Callable[..., None]:
    """Return the app with all its commands.

    They are imported here, not above, so that `main` is there to hear an interruption meanwhile.
    """
    from typing import Annotated

    import typer

    from extract import commands as extraction
    from mmgcn.commands import (
        ablate,
        compare,
        demo,
        evaluate,
        export,
        fit,
        inspect,
        models,
        recommend,
        report,
        serve,
        similar,
        tune,
    )

    app = typer.Typer(
        name="mmgcn",
        help=(
            "Recommend micro-videos by what they look, sound and read like.\n\n"
            "Three commands lead from a folder of videos and a table of who watched what to a "
            "ranked list: extract, fit, recommend. `mmgcn demo` shows all three on clips of its "
            "own."
        ),
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for commands in (
        extraction,
        inspect,
        models,
        fit,
        evaluate,
        recommend,
        report,
        similar,
        serve,
        export,
        compare,
        ablate,
        tune,
        demo,
    ):
        commands.register(app)

    def print_version(wanted: bool) -> None:
        if wanted:
            from importlib.metadata import version

            typer.echo(f"mmgcn {version('mmgcn')}")
            raise typer.Exit

    @app.callback()
    def options(
        _debug: Annotated[
            bool,
            typer.Option("--debug", help="Show the traceback when something fails (any position)."),
        ] = False,
        _version: Annotated[
            bool,
            typer.Option(
                "--version", callback=print_version, is_eager=True, help="Print the version."
            ),
        ] = False,
    ) -> None:
        """Hold the options that every command shares; `main` reads --debug."""

    return app


def describe(error: Exception) -> str:
    """One line for a person: what came, what was expected, what to do.

    Our own errors carry that sentence already. What the system raises is put into the same
    order, and what nobody foresaw says so.
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    foreseen = isinstance(error, ValueError | LookupError | OSError | ImportError)
    if foreseen and type(error) not in (KeyError, IndexError):
        return str(error)
    return (
        f"unexpected {type(error).__name__}: {error}; this is a bug in mmgcn: "
        "run the same command with --debug and report what it shows"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    0 all done, 1 failed, 2 wrong usage, 3 done but some items failed, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or bool(os.environ.get("MMGCN_DEBUG"))
    words = [word for word in words if word != "--debug"]
    try:
        assembled()(words, prog_name="mmgcn")
    except KeyboardInterrupt:  # while importing; later the app answers it so
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
