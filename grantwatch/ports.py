"""What the engine and its service need of the world, each port as narrow as its use.

Adapters raise UnavailableError for every fault that may pass, and let nothing of what they were given into its message.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from grantwatch.model.finding import Finding
    from grantwatch.model.grant_row import GrantRow

Clock = Callable[[], datetime]
"""Now, aware and in UTC."""

RowKey = tuple[str, str]
"""Partition and row, both opaque."""


class Row(Struct, frozen=True):
    """One row of state. ``version`` is the store's own, None for a row that is not stored yet."""

    partition: str
    name: str
    content: bytes
    version: str | None = None

    @property
    def key(self) -> RowKey:
        return self.partition, self.name


class Found(Struct, frozen=True):
    """What an exchange found: the rows that were read, by key, and those of the partitions that were scanned."""

    rows: Mapping[RowKey, Row]
    scanned: Sequence[Row]


class StateStore(Protocol):
    """Shared state. Every method takes a batch and is one round trip in spirit; all raise on transient faults."""

    def insert(self, rows: Sequence[Row]) -> None:
        """Store the rows that are absent; leave those that are there as they are."""

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        """Those of the rows that are there."""

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        """All rows of these partitions."""

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        """Replace each row if it still has its version (None: is absent). Returns the keys of those that lost."""

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        """Swap rows of different keys, and tell the new versions of those that won, which may so be swapped again."""

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        """Forget each row if it still has its version. Returns the keys of those that changed since.

        What is gone is as good as deleted.
        """

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        """``insert``, ``read`` and ``scan`` side by side, in no particular order: one round trip in spirit.

        What is found may lack what is inserted, and of two who exchange at once, each may miss the other's rows.
        """


class Sink(Protocol):
    """Where findings go, and rows about the grants that they tell of."""

    def publish(self, findings: Sequence["Finding"], grants: Sequence["GrantRow"] = ()) -> None:
        """Write all of them durably, or raise. Writing one twice is harmless."""


class Parked(Struct, frozen=True):
    """Something that could not be used: the reason in a few words, and the bytes, with secrets masked.

    ``number`` is the place in its batch of the body that it came from, ``origin`` where that came from. What is
    ``sound`` was parked for a fault that was not its own, and is worth trying again.
    """

    reason: str
    body: bytes
    detector: str | None = None
    number: int | None = None
    origin: str | None = None
    sound: bool = False


class Parking(Protocol):
    """Where goes what cannot be processed now."""

    def park(self, items: Sequence[Parked]) -> None:
        """Store the items durably, or raise. Parking one twice is harmless."""


class ParkingPlace(Protocol):
    """Durable named contents, such as blobs or files. Names are paths with ``/``."""

    def put(self, name: str, content: bytes, metadata: Mapping[str, str]) -> None:
        """Store it under that name, replacing what is there. Metadata is for people: short texts in ASCII."""

    def names(self, folder: str, most: int) -> Sequence[str]:
        """The first names that begin with ``folder`` and ``/``, in order, at most so many."""

    def get(self, name: str) -> bytes | None:
        """The content; None where there is none (any more)."""

    def remove(self, name: str) -> None:
        """Forget it, if it is there."""


class Refused(Struct, frozen=True):
    """A row that a table will not take as it is, and why, in words that quote nothing of it."""

    row: bytes
    reason: str


class Tables(Protocol):
    """The output tables."""

    def write(self, table: str, rows: Sequence[bytes]) -> Sequence[Refused]:
        """Append rows, each a JSON object with the columns of that table, and return those refused for good.

        Raises UnavailableError when the others may not all have been written. Writing a row twice is harmless.
        """
