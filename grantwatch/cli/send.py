"""Sending recorded bodies to an event hub."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from grantwatch.adapters.event_hubs import Hub, Sender
from grantwatch.cli import options, terminal
from grantwatch.cli.resuming import Bookmark
from grantwatch.cli.sources import (
    STANDARD_INPUT,
    Unreadable,
    bodies_in,
    expanded,
    reason_of,
    total_size,
)
from grantwatch.errors import GrantWatchError, SettingsError
from grantwatch.model.quantity import quantity


@dataclass(slots=True)
class Sending:
    """What a sending came to. ``faults`` are sentences about what was not sent."""

    bodies: int = 0
    faults: list[str] = field(default_factory=list)


def command(
    files: options.Files,
    eventhub: options.EventHub,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep there how far each file was sent, and go on where it was left."),
    ] = None,
) -> None:
    """Send recorded logs to an event hub, for drills and to fill a gap.

    Every body is sent at least once; a connection that breaks is made again. Exit code 0: everything was sent; 1: not
    everything, and it is said what; 2: wrong usage; 130: interrupted.

    Example: python -m grantwatch send logs/ --eventhub contoso.servicebus.windows.net/activity --resume logs.sent
    """
    try:
        hub = Hub.of(eventhub)
        bookmark = _bookmark(hub, resume, files)
        with Sender(hub) as sender, terminal.progress() as bar:
            task = bar.add_task("Sending", total=total_size(files) or None)
            outcome = send(files, sender, bookmark, lambda size: bar.advance(task, size))
    except SettingsError as error:
        terminal.stop(str(error), code=2)
    except KeyboardInterrupt:
        advice = "the same command goes on from there" if resume else "--resume FILE would let it go on"
        terminal.stop(f"Interrupted; what was confirmed is sent, and {advice}.", code=130)
    except (GrantWatchError, OSError) as error:
        terminal.stop(error, code=1)
    terminal.say(f"{quantity(outcome.bodies, 'message body', 'message bodies')} sent to {hub}.")
    for fault in outcome.faults:
        terminal.say(fault, "red")
    raise typer.Exit(1 if outcome.faults else 0)


def send(names: Sequence[str], sender: Sender, bookmark: Bookmark, on_read: Callable[[int], None]) -> Sending:
    """Send the bodies in these files, directories or ``-``, all that can be read, and those that were not sent yet.

    ``on_read`` is told how many bytes were read. Raises UnavailableError when the hub cannot be had any more.
    """
    outcome = Sending()
    for name in expanded(names):
        if isinstance(name, Unreadable):
            outcome.faults.append(str(name))
            continue
        before = bookmark.of(name).bodies
        reading = _Reading(name, on_read)
        for step in sender.send(islice(reading, before, None)):
            bookmark.advance(name, step.bodies, step.too_large)
            outcome.bodies += step.bodies - step.too_large
        outcome.faults += _faults(name, reading, bookmark.of(name).left_out)
    return outcome


class _Reading:
    """The bodies of a file as far as they can be read, and what ended that early."""

    def __init__(self, name: str, on_read: Callable[[int], None]) -> None:
        self._bodies = bodies_in(name, on_read)
        self.count = 0
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            for body in self._bodies:
                self.count += 1
                yield body.strip()
        except (OSError, EOFError, ValueError, zlib.error) as error:
            self.failure = error


def _faults(name: str, reading: _Reading, left_out: Sequence[int]) -> Iterator[str]:
    if reading.failure is not None and reading.count:
        yield f"{name}: sent in part, because {reason_of(reading.failure)}."
    elif reading.failure is not None:
        yield str(Unreadable(name, reason_of(reading.failure)))
    elif not reading.count:
        yield str(Unreadable(name, "the file is empty"))
    for number in left_out:
        yield f"{name}: body {number:,} is larger than the hub takes, and was not sent."


def _bookmark(hub: Hub, path: Path | None, names: Sequence[str]) -> Bookmark:
    if path is None:
        return Bookmark(str(hub))
    if STANDARD_INPUT in names:
        raise SettingsError("Standard input cannot be gone on with later: give files, or leave out --resume.")
    files = [name for name in expanded(names) if isinstance(name, str) and Path(name).is_file()]
    return Bookmark.at(path, str(hub), files)
