"""One table of Table Storage: single round trips, and many of them side by side, bounded in time.

There are no transactions, and no query spans partitions: the service answers such queries by scanning the table.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from grantwatch.adapters.azure_access import PATIENCE, OnDemand, Service, ask
from grantwatch.adapters.table_rows import Entity, Key, Stored
from grantwatch.errors import StateUnavailableError

if TYPE_CHECKING:
    from azure.data.tables import TableClient, TableEntity

SERVICE = Service("Table Storage", StateUnavailableError)
AT_ONCE = 10
"""As many connections as the SDK keeps open."""

_LONGEST = 60.0
_ITEMS = 1000
_METHODS = frozenset(("GET", "POST", "PATCH", "DELETE"))
_AGE = ("PartitionKey", "RowKey", "Timestamp")

T = TypeVar("T")
U = TypeVar("U")


def _hurried(response: Any) -> None:
    """Without the pause that the service asks for, which nothing bounds: the caller tries again anyway."""
    response.http_response.headers.pop("Retry-After", None)


OPTIONS: dict[str, Any] = {**PATIENCE, "retry_backoff_factor": 0.4, "timeout": 30, "raw_response_hook": _hurried}
"""What a TableClient is to be made with."""


class Table:
    """A table that is made when a row is first created in it. Its methods may be called from any thread.

    All raise UnavailableError. What was tried again may have been done before: a creation is then told as lost.
    """

    def __init__(self, connect: Callable[[], "TableClient"]) -> None:
        self._client = OnDemand(SERVICE, connect, lambda client: client.create_table(retry_on_methods=_METHODS))
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="table")

    def side_by_side(self, work: Callable[[T], U], items: Iterable[T]) -> list[U]:
        """The results of all, in order, once they are done."""
        begun = self.begin(work, items)
        self.finish(begun)
        return [future.result() for future in begun]

    def begin(self, work: Callable[[T], U], items: Iterable[T]) -> list[Future[U]]:
        """Set to work on all, which ``finish`` waits for. The work must not itself begin any."""
        return [self._threads.submit(work, item) for item in items]

    def finish(self, *parts: Iterable[Future[Any]]) -> None:
        """Wait for all. Raises as soon as one of them does, or when they take over a minute a thousand."""
        futures = list(chain(*parts))
        done, unfinished = wait(futures, _LONGEST * (1 + len(futures) // _ITEMS), FIRST_EXCEPTION)
        for future in unfinished:
            future.cancel()
        for future in done:
            future.result()
        if unfinished:
            raise SERVICE.fault(f"{SERVICE} took too long")

    def create(self, entity: Entity) -> str | None:
        """Insert it, and return its version; None where one with its key is there."""
        with self._client.prepared() as client:
            created = ask(
                SERVICE,
                lambda: client.create_entity(
                    entity, response_preference="return-no-content", retry_on_methods=_METHODS
                ),
                409,
            )
        return None if created is None else _version(created)

    def merge(self, entity: Entity, version: str) -> str | None:
        """Merge it into the one with its key, and return the new version.

        None where that changed since it had this version, or is gone.
        """
        from azure.core import MatchConditions

        client = self._client.get()
        merged = ask(
            SERVICE,
            lambda: client.update_entity(
                entity, etag=version, match_condition=MatchConditions.IfNotModified, retry_on_methods=_METHODS
            ),
            404,
            412,
        )
        return None if merged is None else _version(merged)

    def find(self, key: Key) -> Stored | None:
        """The entity, if it is there."""
        client = self._client.get()
        found = ask(SERVICE, lambda: client.get_entity(*key), 404)
        return None if found is None else _stored(found)

    def age(self, key: Key) -> Stored | None:
        """The entity without its content, if it is there."""
        client = self._client.get()
        found = ask(SERVICE, lambda: client.get_entity(*key, select=[*_AGE]), 404)
        return None if found is None else _stored(found)

    def query(self, partition: str, condition: str = "", most: int | None = None) -> list[Stored]:
        """The first so many entities of a partition, by row key, that meet a further condition."""
        client = self._client.get()
        text = f"PartitionKey eq '{partition}'{condition}"
        found = ask(SERVICE, lambda: list(islice(client.query_entities(text, results_per_page=most), most)), 404)
        return [_stored(each) for each in found or ()]

    def remove(self, key: Key, version: str | None = None) -> bool:
        """See that it is gone; False where it changed since it had this version."""
        from azure.core import MatchConditions

        condition = MatchConditions.IfNotModified if version else MatchConditions.Unconditionally
        client = self._client.get()

        def removed() -> bool:
            client.delete_entity(*key, etag=version, match_condition=condition)
            return True

        return ask(SERVICE, removed, 412) or False

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._client.close()


def _version(metadata: Mapping[str, Any]) -> str:
    """The version of what was just written."""
    version = metadata.get("etag")
    if not isinstance(version, str):
        raise SERVICE.fault(f"{SERVICE} did not tell the version of a row")
    return version


def _stored(entity: "TableEntity") -> Stored:
    version, written = entity.metadata["etag"], entity.metadata["timestamp"]
    if version is None or written is None:
        raise SERVICE.fault(f"{SERVICE} sent a row without its version")
    return Stored(entity, version, written)
