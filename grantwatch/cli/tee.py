"""Findings on their way to several places at once, standard output among them."""

import sys
from collections.abc import Callable, Sequence

from grantwatch.errors import SinkUnavailableError
from grantwatch.model.finding import Finding
from grantwatch.model.grant_row import GrantRow
from grantwatch.ports import Sink


class Tee:
    """Publishes to one sink after the other."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def publish(self, findings: Sequence[Finding], grants: Sequence[GrantRow] = ()) -> None:
        for sink in self._sinks:
            sink.publish(findings, grants)


class StandardOutput:
    """Prints findings, one JSON object a line. ``stop`` is called when nobody is there any more to read them."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def publish(self, findings: Sequence[Finding], grants: Sequence[GrantRow] = ()) -> None:
        try:
            sys.stdout.write("".join(f"{finding.model_dump_json()}\n" for finding in findings))
            sys.stdout.flush()
        except BrokenPipeError:
            self._stop()
            raise SinkUnavailableError("Nobody reads standard output any more.") from None
        except OSError as error:
            raise SinkUnavailableError(f"Standard output: {error.strerror}.") from None
