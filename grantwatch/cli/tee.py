"""Findings on their way to two places at once."""

import sys
from collections.abc import Callable, Sequence

from grantwatch.adapters.local_store import LocalStore
from grantwatch.errors import SinkUnavailableError
from grantwatch.model.finding import Finding
from grantwatch.model.grant_row import GrantRow


class Tee:
    """Publishes to the store and to standard output. ``stop`` is called when nobody is there any more to read that."""

    def __init__(self, store: LocalStore, stop: Callable[[], None]) -> None:
        self._store = store
        self._stop = stop

    def publish(self, findings: Sequence[Finding], grants: Sequence[GrantRow] = ()) -> None:
        self._store.publish(findings, grants)
        try:
            sys.stdout.write("".join(f"{finding.model_dump_json()}\n" for finding in findings))
            sys.stdout.flush()
        except BrokenPipeError:
            self._stop()
            raise SinkUnavailableError("Nobody reads standard output any more.") from None
        except OSError as error:
            raise SinkUnavailableError(f"Standard output: {error.strerror}.") from None
