"""State in Azure Table Storage, for engines that share nothing else.

The parts stand beside it: ``table_rows`` says what an entity looks like, ``azure_table`` makes the round trips, and
``table_journal`` knows which rows are old. A row's version is its ETag, which the service changes with every write, and
all round trips of one call run side by side. Rows that nobody writes, or inserts again, for the length of the retention
are deleted by ``expire``.

A row that is inserted again stays as it is, and so would its age. A row older than a day is therefore touched: a
property changes, the content does not. Its version does, so that a swap may be told as lost whose row nobody swapped;
whoever loses reads again. Without this, a row could vanish right after somebody was told that it is there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self, TypeVar

from grantwatch.adapters.azure_table import OPTIONS, SERVICE, Table
from grantwatch.adapters.table_journal import Journal
from grantwatch.adapters.table_rows import Entity, Key, entity_of, key_for, key_of, row_of
from grantwatch.ports import Clock, Found, Row, RowKey

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableClient

TABLE = "GrantWatchState"
RETENTION = timedelta(days=35)

_FRESH = timedelta(days=1)
_TRIES = 5

T = TypeVar("T")


class TableStore:
    """A StateStore in one table. Safe to share between threads; to be closed."""

    def __init__(self, connect: "Callable[[], TableClient]", *, clock: Clock, retention: timedelta = RETENTION) -> None:
        """Use the client that ``connect`` makes when it is first needed."""
        self._table = Table(connect)
        self._clock = clock
        self._journal = Journal(self._table, clock, retention)

    @classmethod
    def from_connection_string(
        cls, connection: str, *, clock: Clock, table: str = TABLE, retention: timedelta = RETENTION
    ) -> Self:
        """The store in a storage account, by its connection string."""

        def connect() -> "TableClient":
            from azure.data.tables import TableClient

            return TableClient.from_connection_string(connection, table, **OPTIONS)

        return cls(connect, clock=clock, retention=retention)

    @classmethod
    def from_account(
        cls,
        url: str,
        credential: "Callable[[], TokenCredential]",
        *,
        clock: Clock,
        table: str = TABLE,
        retention: timedelta = RETENTION,
    ) -> Self:
        """The store in a storage account, by the URL of its table service, such as of a managed identity."""

        def connect() -> "TableClient":
            from azure.data.tables import TableClient

            return TableClient(url, table, credential=credential(), **OPTIONS)

        return cls(connect, clock=clock, retention=retention)

    def insert(self, rows: Sequence[Row]) -> None:
        self.exchange(insert=rows)

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        return self.exchange(read=keys).rows

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        return self.exchange(scan=partitions).scanned

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        entities: dict[Key, Entity] = {}
        for row in insert:
            entities.setdefault(key_of(*row.key), entity_of(row))
        keys = list(dict.fromkeys(read))
        with self._journal.listing(entities) as listing:
            made = self._table.begin(lambda key: self._insert(entities[key], may_be_old=key in listing.news), entities)
            found = self._table.begin(lambda key: self._table.find(key_of(*key)), keys)
            scanned = self._table.begin(lambda name: self._table.query(key_for(name)), scan)
            self._table.finish(listing.lists, made, found, scanned)
        rows = {key: row_of(key[0], there) for key, each in zip(keys, found, strict=True) if (there := each.result())}
        self._journal.expect([key_of(*key) for key in keys if key not in rows])
        return Found(
            rows, [row_of(name, row) for name, each in zip(scan, scanned, strict=True) for row in each.result()]
        )

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        entities = [(row.key, (entity_of(row), row.version)) for row in rows]
        with self._journal.listing(key_of(*row.key) for row in rows if row.version is None) as listing:
            self._table.finish(listing.lists)
            return self._key_by_key(lambda swapped: self._swap(swapped) is not None, entities)

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        entities = [(entity_of(row), row.version) for row in rows]
        with self._journal.listing(key_of(*row.key) for row in rows if row.version is None) as listing:
            self._table.finish(listing.lists)
            versions = self._table.side_by_side(self._swap, entities)
        return {row.key: version for row, version in zip(rows, versions, strict=True) if version is not None}

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        return self._key_by_key(self._delete, [(row.key, row) for row in rows])

    def expire(self, now: datetime, *, within: timedelta = timedelta(minutes=1)) -> int:
        """Delete rows that were not written since the retention, for about so long; returns how many it deleted."""
        return self._journal.expire(now, within)

    def close(self) -> None:
        self._table.close()

    def _insert(self, entity: Entity, *, may_be_old: bool) -> None:
        """Create it, or see to it that the one that is there does not expire today."""
        key = entity["PartitionKey"], entity["RowKey"]
        for _ in range(_TRIES):
            if self._table.create(entity) or not may_be_old:
                return
            there = self._table.age(key)
            if there is None:
                continue
            now = self._clock()
            if now - there.written < _FRESH or self._table.merge(
                {"PartitionKey": key[0], "RowKey": key[1], "InsertedAgain": now}, there.version
            ):
                return
        raise SERVICE.fault(f"{SERVICE}: a row kept changing")

    def _key_by_key(self, work: Callable[[T], bool], items: Iterable[tuple[RowKey, T]]) -> Sequence[RowKey]:
        """Work side by side on what has different keys, in order on what has the same; returns the keys that lost."""
        alike: dict[RowKey, list[T]] = {}
        for key, item in items:
            alike.setdefault(key, []).append(item)
        won = self._table.side_by_side(lambda same: [work(item) for item in same], alike.values())
        return [key for key, each in zip(alike, won, strict=True) for has_won in each if not has_won]

    def _swap(self, swapped: tuple[Entity, str | None]) -> str | None:
        """The version that it has now; None where another one was there."""
        entity, version = swapped
        return self._table.create(entity) if version is None else self._table.merge(entity, version)

    def _delete(self, row: Row) -> bool:
        key = key_of(*row.key)
        return self._table.age(key) is None if row.version is None else self._table.remove(key, row.version)
