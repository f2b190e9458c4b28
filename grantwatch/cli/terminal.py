"""What the commands share in talking to people."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Never

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup
from typer.exceptions import TyperException

from grantwatch.cli import tables
from grantwatch.model.secrets import masked


class Discreet(TyperGroup):
    """Commands whose complaints about how they were called quote no secret: what they were given may be a URL."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _complaints_masked():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with _complaints_masked():
            return super().invoke(ctx)


@contextmanager
def _complaints_masked() -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        error.message = masked(error.message)
        raise


def as_called() -> str:
    """What somebody types to call this program, which is not installed under a name of its own."""
    return f"{shlex.quote(sys.orig_argv[0])} -m grantwatch"


def progress() -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=tables.console_for(sys.stderr), transient=True, disable=not sys.stderr.isatty())


def say(sentence: str, style: str | None = None) -> None:
    """A sentence on standard error, without the secrets that a name or value in it may hold."""
    tables.console_for(sys.stderr).print(masked(sentence), style=style, soft_wrap=True)


def stop(why: str | Exception, *, code: int) -> Never:
    """End the command, saying why."""
    say(_of_system(why) if isinstance(why, OSError) else str(why), "red")
    raise typer.Exit(code)


def _of_system(error: OSError) -> str:
    """What a file system says, without the number that programs know it by."""
    reason = error.strerror or type(error).__name__
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."
