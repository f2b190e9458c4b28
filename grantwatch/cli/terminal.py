"""What the commands share in talking to people."""

import sys
from typing import Never

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from grantwatch.cli import tables


def progress() -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=tables.console_for(sys.stderr), transient=True, disable=not sys.stderr.isatty())


def say(sentence: str, style: str | None = None) -> None:
    """A sentence on standard error."""
    tables.console_for(sys.stderr).print(sentence, style=style, soft_wrap=True)


def stop(sentence: str, *, code: int) -> Never:
    """End the command, saying why."""
    say(sentence, "red")
    raise typer.Exit(code)
