"""How the adapters call Azure: clients made at their first use, and faults told as GrantWatch's own errors.

The SDKs cost most of a second to import, and their errors quote URLs, keys and contents. So they are imported where
they are first needed, and nothing of an error of theirs is passed on but its kind or its status.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Generic, Protocol, Self, TypeVar

from msgspec import Struct

from grantwatch.errors import SettingsError, UnavailableError

PATIENCE = {"retry_total": 2, "connection_timeout": 5, "read_timeout": 10}
"""For every client, in seconds: a call that gets no answer ends within about half a minute."""


class Service(Struct, frozen=True):
    """A service by its name, and what GrantWatch raises when it cannot do its work."""

    name: str
    fault: type[UnavailableError]

    def __str__(self) -> str:
        return self.name


class _Client(Protocol):
    def __enter__(self) -> Self: ...

    def close(self) -> None: ...


C = TypeVar("C", bound=_Client)
T = TypeVar("T")


class OnDemand(Generic[C]):
    """A client of a service that is made and opened when it is first needed, once, whichever thread comes first.

    ``prepare`` makes what the client writes into, a table or a container.
    """

    def __init__(
        self, service: Service, connect: Callable[[], C], prepare: Callable[[C], object] = lambda client: None
    ) -> None:
        self._service = service
        self._connect = connect
        self._prepare = prepare
        self._client: C | None = None
        self._is_prepared = False
        self._lock = Lock()

    def get(self) -> C:
        """The client, to read with. Raises SettingsError where none can be made of what was set."""
        with self._lock:
            return self._opened()

    @contextmanager
    def prepared(self) -> Iterator[C]:
        """The client, to write with. After a fault everything is prepared anew, should it have been removed."""
        with self._lock:
            client = self._opened()
            if not self._is_prepared:
                ask(self._service, lambda: self._prepare(client), 409)
                self._is_prepared = True
        try:
            yield client
        except UnavailableError:
            self._is_prepared = False
            raise

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _opened(self) -> C:
        if self._client is None:
            try:
                self._client = self._connect().__enter__()
            except ValueError:
                raise SettingsError(f"{self._service}: its connection string or account URL is malformed") from None
        return self._client


def ask(service: Service, call: Callable[[], T], *expected: int) -> T | None:
    """What a call returns, or None where the service refused it with one of the expected statuses.

    Raises UnavailableError for every other fault of the service, the network or the credential.
    """
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        return call()
    except HttpResponseError as error:
        if error.status_code in expected:
            return None
        raise service.fault(f"{service} answered {error.status_code or type(error).__name__}") from None
    except (AzureError, OSError) as error:
        raise service.fault(f"{service} does not answer: {type(error).__name__}") from None
