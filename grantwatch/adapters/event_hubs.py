"""Event Hubs: which hub and how to enter it, what its errors mean, and sending.

The SDK is imported when a client is made and not before: the function app is delivered without it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from grantwatch.errors import SettingsError, UnavailableError

if TYPE_CHECKING:
    from azure.eventhub import EventDataBatch, EventHubProducerClient

Result = TypeVar("Result")

_PATIENCE = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 60.0, 60.0, 60.0)
_NO_SUCH_HUB = "not-found"
_EXPECTED = (
    "expected NAMESPACE.servicebus.windows.net/HUB, or a connection string with Endpoint, SharedAccessKeyName, "
    "SharedAccessKey and EntityPath"
)


@dataclass(frozen=True, slots=True)
class Hub:
    """An event hub, entered with a connection string, or with the identity of this process where there is none."""

    host: str
    name: str
    connection_string: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """From a connection string that names its hub, or ``HOST/HUB``. Raises SettingsError, and quotes no key."""
        if "=" not in text:
            host, _, name = text.removeprefix("sb://").removeprefix("https://").strip("/").partition("/")
            if not host or not name:
                raise SettingsError(f"{text!r} names no event hub: {_EXPECTED}.")
            return cls(host, name)
        parts = {key.strip().lower(): value for key, _, value in (part.partition("=") for part in text.split(";"))}
        host, name = parts.get("endpoint", "").removeprefix("sb://").strip("/ "), parts.get("entitypath", "")
        signed = (parts.get("sharedaccesskeyname") and parts.get("sharedaccesskey")) or "sharedaccesssignature" in parts
        if not host or not name or not signed:
            raise SettingsError(f"The connection string of the event hub is not complete: {_EXPECTED}.")
        return cls(host, name, text)

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


def is_final(error: Exception) -> bool:
    """Whether trying again cannot help before somebody changes something."""
    return _is_refusal(error) or _condition(error) == _NO_SUCH_HUB


def unavailable(hub: Hub, error: Exception, group: str | None = None) -> UnavailableError:
    """The error in one sentence of ours. The SDK's own text is left out: it may hold more than a log should."""
    from azure.core.exceptions import ClientAuthenticationError

    if isinstance(error, ClientAuthenticationError):
        return UnavailableError(f"No identity was found to enter {hub.host} with: sign in, or use a connection string.")
    if _is_refusal(error):
        return UnavailableError(f"{hub.host} does not accept the key or the identity for {hub.name}.")
    match _condition(error):
        case condition if condition == _NO_SUCH_HUB:
            missing = f"consumer group {group} of {hub.name}" if group else f"event hub {hub.name}"
            return UnavailableError(f"{hub.host} has no {missing}.")
        case "socket-error":
            return UnavailableError(f"{hub.host} cannot be reached.")
        case condition:
            return UnavailableError(f"{hub.host} cannot serve {hub.name} now ({condition or type(error).__name__}).")


def _is_refusal(error: Exception) -> bool:
    from azure.core.exceptions import ClientAuthenticationError
    from azure.eventhub.exceptions import AuthenticationError

    if isinstance(error, AuthenticationError):
        return _condition(error) != "internal-error"  # with which the SDK marks a handshake that took too long
    return isinstance(error, ClientAuthenticationError)


def _condition(error: Exception) -> str | None:
    return getattr(error, "error", None)


@dataclass(frozen=True, slots=True)
class Sent:
    """A step of sending: how many bodies it dealt with, and how many of them were too large to be sent."""

    bodies: int
    too_large: int = 0


class Sender:
    """Sends message bodies to a hub, each at least once. A context manager: it closes its connection."""

    def __init__(
        self, hub: Hub, *, patience: Sequence[float] = _PATIENCE, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """``patience`` is how many seconds to wait before each further attempt at a batch."""
        self._hub = hub
        self._patience = patience
        self._sleep = sleep
        self._client = _producer(hub)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, bodies: Iterable[bytes]) -> Iterator[Sent]:
        """Send in order, in batches as large as the hub takes, and tell of each when the hub has confirmed it.

        What was told of need not be sent again. Raises UnavailableError when the hub cannot be had, or no longer.
        """
        batch = self._tried(self._client.create_batch, ())
        for body in bodies:
            if not _added(batch, body):
                yield from self._flushed(batch)
                batch = self._tried(self._client.create_batch, self._patience)
                if not _added(batch, body):
                    yield Sent(1, too_large=1)
        yield from self._flushed(batch)

    def _flushed(self, batch: "EventDataBatch") -> Iterator[Sent]:
        if len(batch):
            self._tried(lambda: self._client.send_batch(batch), self._patience)
            yield Sent(len(batch))

    def _tried(self, work: Callable[[], Result], patience: Sequence[float]) -> Result:
        from azure.core.exceptions import AzureError
        from azure.eventhub.exceptions import EventHubError

        for pause in (*patience, None):
            try:
                return work()
            except (EventHubError, AzureError) as error:
                if pause is None or is_final(error):
                    raise unavailable(self._hub, error) from None
            self._sleep(pause)
        raise AssertionError


def _producer(hub: Hub) -> "EventHubProducerClient":
    from azure.eventhub import EventHubProducerClient

    options: dict[str, Any] = {"retry_total": 0}  # Sender tries again itself, and knows when that is of no use
    if hub.connection_string is not None:
        return EventHubProducerClient.from_connection_string(hub.connection_string, **options)
    from azure.identity import DefaultAzureCredential

    return EventHubProducerClient(hub.host, hub.name, DefaultAzureCredential(), **options)


def _added(batch: "EventDataBatch", body: bytes) -> bool:
    from azure.eventhub import EventData

    try:
        batch.add(EventData(body))
    except ValueError:  # the only sign that it does not fit
        return False
    return True
