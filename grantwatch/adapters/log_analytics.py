"""Log Analytics as the output tables, through the Logs Ingestion API.

The rows of a table go to the stream of its name in one data collection rule. The identity that sends them needs the
role Monitoring Metrics Publisher on that rule.
"""

import gzip
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from grantwatch.adapters import log_rows
from grantwatch.adapters.azure_access import OnDemand, Service
from grantwatch.adapters.clock import now
from grantwatch.errors import SinkUnavailableError
from grantwatch.ports import Clock, Refused

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.monitor.ingestion import LogsIngestionClient

SERVICE = Service("Log Analytics", SinkUnavailableError)

_COMPRESSION = 6
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 16.0

# Of a write. One row at fault among 450 takes 9; where all are, because the rule is wrong for them, the search ends
# here.
_MOST_HALVINGS = 64

# How long a new role assignment may take to reach the rule, by the troubleshooting section of
# https://learn.microsoft.com/azure/azure-monitor/logs/tutorial-logs-ingestion-portal
_PROPAGATION = timedelta(minutes=30)


def ingestion_client(endpoint: str, credential: "TokenCredential", **options: object) -> "LogsIngestionClient":
    """A client for LogAnalytics, to be closed by its owner; ``options`` are the SDK's own.

    It tries once, because the SDK's retries would multiply with those made here, and leave out 408, 502 and any 429
    that does not say for how long. It waits 20 seconds for an answer, where the SDK would wait five minutes.
    An endpoint without TLS, which the settings allow on this machine alone, is given the token all the same.
    """
    from azure.monitor.ingestion import LogsIngestionClient

    if endpoint.startswith("http:"):
        endpoint = endpoint.replace("http:", "https:", 1)
        options["raw_request_hook"] = _without_tls  # comes after the SDK has seen to TLS and added the token
    ours: dict[str, object] = {
        "retry_total": 0,
        "permit_redirects": False,
        "connection_timeout": 10,
        "read_timeout": 20,
    }
    return LogsIngestionClient(endpoint, credential, **(ours | options))


def _without_tls(request: Any) -> None:
    request.http_request.url = request.http_request.url.replace("https:", "http:", 1)


class LogAnalytics:
    """The output tables, each behind a stream of one data collection rule."""

    def __init__(
        self,
        connect: "Callable[[], LogsIngestionClient]",
        rule: str,
        *,
        patience: timedelta = timedelta(seconds=60),
        clock: Clock = now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Write with the client that ``connect`` makes when it is first needed.

        ``rule`` is the immutable id of the rule. A write begins no further call once ``patience`` is over.
        """
        self._client = OnDemand(SERVICE, connect)
        self._rule = rule
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._since = clock()

    def write(self, table: str, rows: Sequence[bytes]) -> Sequence[Refused]:
        stream = f"Custom-{table}"
        deadline = self._clock() + self._patience
        fitted = [log_rows.fitted(row) for row in rows]
        waiting = deque((places, "") for places in log_rows.calls(fitted))
        refused: dict[int, str] = {}
        halvings = _MOST_HALVINGS
        # Halves queue up behind everything else, so what the bound leaves together are small groups.
        while waiting:
            places, reason = waiting.popleft()
            if self._clock() < deadline:
                reason = self._post(stream, fitted[places.start : places.stop], deadline) or ""
            elif not reason:
                raise SinkUnavailableError("Log Analytics took too long.")
            if reason and len(places) > 1 and halvings and self._clock() < deadline:
                halvings -= 1
                middle = len(places) // 2
                waiting += ((places[:middle], reason), (places[middle:], reason))
            elif reason:
                together = f", sent with {len(places) - 1} others" if len(places) > 1 else ""
                refused |= dict.fromkeys(places, reason + together)
        return [Refused(rows[place], refused[place]) for place in sorted(refused)]

    def close(self) -> None:
        """Close the client, if one was needed."""
        self._client.close()

    def _post(self, stream: str, rows: Sequence[bytes], deadline: datetime) -> str | None:
        """Send rows in one call, again while that may help. Returns why they are refused; None when they are not."""
        body = gzip.compress(log_rows.body_of(rows), _COMPRESSION)
        pause = _FIRST_PAUSE
        while (answer := self._answer(stream, body)).is_passing:
            now = self._clock()
            wait = max(random.uniform(pause / 2, pause), answer.asked_pause(now))
            if wait > (deadline - now).total_seconds():
                raise SinkUnavailableError(f"Log Analytics {answer.fault}.")
            self._sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)
        if answer.status in (401, 403):
            raise SinkUnavailableError(self._denial(answer))
        if answer.status not in (204, 400, 413):
            raise SinkUnavailableError(f"Log Analytics {answer.fault}.")
        return None if answer.status == 204 else f"Log Analytics {answer.fault}"

    def _answer(self, stream: str, body: bytes) -> "_Answer":
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

        # Given a list, upload() divides it by a sum that leaves out commas and spaces, so that bodies overshoot the
        # limit, and it has no answer to a row that is too large
        # (https://github.com/Azure/azure-sdk-for-python/issues/42648). A stream that is gzip already is sent as it is.
        # Errors quote the service, which may quote rows: only status and header are taken from them.
        try:
            self._client.get().upload(self._rule, stream, BytesIO(body))
        except ClientAuthenticationError as error:
            # The credential raises this as well, with or without a status of its own.
            if error.status_code != 401:
                raise SinkUnavailableError("No token for Log Analytics could be had from the identity.") from None
            return _Answer(401)
        except HttpResponseError as error:
            return _Answer(error.status_code, getattr(error.response, "headers", {}).get("Retry-After", ""))
        except (AzureError, OSError):
            return _Answer(None)
        return _Answer(204)

    def _denial(self, answer: "_Answer") -> str:
        if self._clock() - self._since < _PROPAGATION:
            return f"Log Analytics {answer.fault}: the role may not have reached the rule yet."
        return (
            f"Log Analytics {answer.fault}: the identity may not write to the rule; "
            "grant it Monitoring Metrics Publisher on the rule."
        )


_FAULTS = {
    400: "calls it malformed",
    401: "does not accept the token",
    403: "denies access",
    404: "does not know the rule or its stream",
    413: "calls it too large",
    429: "throttles",
}


class _Answer(Struct, frozen=True):
    """What came of a call: its status, None where the connection was lost, and what Retry-After says."""

    status: int | None
    retry_after: str = ""

    @property
    def is_passing(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.status is None or self.status in (408, 429) or self.status >= 500

    @property
    def fault(self) -> str:
        if self.status is None:
            return "does not answer"
        return f"{_FAULTS.get(self.status, 'cannot be used')} ({self.status})"

    def asked_pause(self, now: datetime) -> float:
        """The seconds that the service wants to be left alone; 0 where it does not say so, or makes no sense."""
        if self.retry_after.isdecimal():
            return float(self.retry_after)
        try:
            until = parsedate_to_datetime(self.retry_after)
        except ValueError:
            return 0
        return (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
