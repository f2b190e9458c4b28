"""Tables on Azurite for tests, and networks to them that lose what they carry."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any
from uuid import uuid4

from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient, TableEntity

from grantwatch.adapters.azure_table import OPTIONS
from grantwatch.adapters.table_store import TableStore
from grantwatch.ports import Clock
from tests.stand_ins.azurite import Azurite


def now() -> datetime:
    return datetime.now(UTC)


def later(by: timedelta) -> Clock:
    return lambda: now() + by


def new_table() -> str:
    return f"T{uuid4().hex}"


@contextmanager
def table_store(
    azurite: Azurite, table: str | None = None, *, clock: Clock = now, transport: Any = None, **options: Any
) -> Iterator[TableStore]:
    """A store on a table, a new one if none is named."""
    name = table or new_table()
    network = {"transport": transport} if transport else {}
    store = TableStore(
        lambda: TableClient.from_connection_string(azurite.table, name, **{**OPTIONS, **options, **network}),
        clock=clock,
    )
    try:
        yield store
    finally:
        store.close()


def entities(azurite: Azurite, table: str) -> list[TableEntity]:
    """Everything in a table, lists and hours too."""
    with TableClient.from_connection_string(azurite.table, table) as client, suppress(ResourceNotFoundError):
        return list(client.list_entities())
    return []


class LossyNetwork(RequestsTransport):  # type: ignore[misc]
    """Asks of every request whether it is lost on the way, and of every answer."""

    def __init__(
        self,
        loses_request: Callable[[Any], bool] = lambda request: False,
        loses_answer: Callable[[Any], bool] = lambda request: False,
    ) -> None:
        super().__init__()
        self._loses_request = loses_request
        self._loses_answer = loses_answer
        self._lock = Lock()

    def send(self, request: Any, **options: Any) -> Any:
        with self._lock:
            if self._loses_request(request):
                raise ServiceRequestError("lost")
        response = super().send(request, **options)
        with self._lock:
            if self._loses_answer(request):
                raise ServiceResponseError("lost")
        return response


class Gathering(RequestsTransport):  # type: ignore[misc]
    """Holds requests back until so many are under way, once it was told to; any more or less is a fault."""

    def __init__(self, parties: int) -> None:
        super().__init__()
        self._methods: list[str] = []
        self._barrier = Barrier(parties, timeout=10)
        self._gathers = False

    @property
    def methods(self) -> list[str]:
        """Those of the requests that were held back, sorted."""
        return sorted(self._methods)

    def gather(self) -> None:
        self._gathers = True

    def send(self, request: Any, **options: Any) -> Any:
        if self._gathers:
            self._methods.append(request.method)
            try:
                self._barrier.wait()
            except BrokenBarrierError:
                raise ServiceRequestError("others are missing") from None
        return super().send(request, **options)


class Countdown:
    """True once, for the request of this number."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, request: Any) -> bool:
        self.left -= 1
        return self.left == 0


class FirstTries:
    """True for every request of these methods that is not yet a repetition."""

    def __init__(self, *methods: str) -> None:
        self._methods = methods or ("POST", "PATCH")
        self._seen: set[str] = set()

    def __call__(self, request: Any) -> bool:
        name = request.headers["x-ms-client-request-id"]
        is_first = request.method in self._methods and name not in self._seen
        self._seen.add(name)
        return is_first
