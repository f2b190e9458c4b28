"""What was taken through each SAS, counted in rows of five minutes, and told to those who ask how much it was.

A row holds a sample of the requests of its bucket, so that whoever joins another to it changes nothing by doing so
twice. Rows as this process last wrote them are remembered, so that the next requests cost one swap; where another
process wrote meanwhile, or the row was forgotten here, the swap is lost, and the row read and joined again. Buckets
are stored before they are told of: whoever stored the last requests of one tells what it came to.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from grantwatch.errors import StateConflictError
from grantwatch.memory.counts import Sample, amount_of, packed, sample_of, unpacked
from grantwatch.memory.entities import Entity, address_of_entity
from grantwatch.memory.facts import Note
from grantwatch.memory.notes import Notes
from grantwatch.model.bounded import Recent
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.storage_access import Access
from grantwatch.model.transfer import Transfer
from grantwatch.model.volume import Amount, Limits, Volume
from grantwatch.ports import Row, RowKey, StateStore

Bucket = tuple[GatheringKey, datetime]
"""One SAS on one day, and the beginning of five minutes of it."""

MOST_REMEMBERED = 96 * 2**20
"""Bytes of rows that one engine remembers, enough for some 150,000 SAS that are used a little."""
_WEIGHT_OF_A_ROW = 512
"""Roughly what a remembered row takes beside its content, in bytes."""
_MOST_ROUNDS = 24


class Volumes:
    """The counts of one engine over one state store."""

    def __init__(self, store: StateStore, limits: Limits, *, most_remembered: int = MOST_REMEMBERED) -> None:
        self._store = store
        self._limits = limits
        self._remembered: Recent[RowKey, Row] = Recent(most_remembered, _weight)

    def count(self, transfers: Mapping[Bucket, Sequence[Transfer]]) -> Notes:
        """Add requests to their buckets, and tell of every bucket that was added to, if it counts.

        What was added before is told again. Raises StateConflictError when other writers keep winning.
        """
        notes: Notes = defaultdict(dict)
        for (key, begin), sample in self._joined(transfers).items():
            amount = amount_of(begin, sample)
            if self._limits.counts(amount):
                note = Note(known=sample.known, amount=amount)
                for of_day in _gatherings(key, begin, self._limits):
                    notes[of_day][begin.isoformat()] = note
        return notes

    def _joined(self, new: Mapping[Bucket, Sequence[Transfer]]) -> dict[Bucket, Sample]:
        """What the buckets hold with these requests, all of it in the store."""
        joined: dict[Bucket, Sample] = {}
        pending = {_address(bucket): bucket for bucket in new}
        known = {address: self._remembered.get(address) for address in pending}
        for _ in range(_MOST_ROUNDS):
            rows = []
            for address, row in known.items():
                bucket = pending[address]
                before = unpacked(row.content) if row else None
                joined[bucket] = sample = sample_of(new[bucket], before)
                if sample != before:
                    rows.append(Row(*address, packed(sample), row.version if row else None))
            known = self._replace(rows) if rows else {}
            if not known:
                return joined
        raise StateConflictError(f"{len(known)} buckets kept changing under other writers")

    def _replace(self, rows: Sequence[Row]) -> dict[RowKey, Row | None]:
        """Swap rows and remember them as they now are; returns what stands in place of those that lost."""
        versions = self._store.replace(rows)
        lost = [row.key for row in rows if row.key not in versions]
        found = self._store.read(lost) if lost else {}
        for row in rows:
            version = versions.get(row.key)
            self._remembered.set(row.key, replace(row, version=version) if version else found.get(row.key))
        return {address: found.get(address) for address in lost}


def volumes_of(entity: Entity, limits: Limits) -> tuple[Volume, ...]:
    """What a detector sees of the uses and amounts that were gathered under one key; nothing without a use."""
    key = entity.key
    if not isinstance(key, GatheringKey) or not entity.accesses:
        return ()
    uses: list[tuple[datetime, str, Access]] = sorted((use.time, name, use) for name, use in entity.accesses.items())
    amounts = sorted(_amounts(entity), key=lambda amount: amount.at)
    accesses = tuple(use for _, _, use in uses)
    return (Volume(key, accesses, tuple(amounts), limits, known_use=entity.known_use),)


def _amounts(entity: Entity) -> Iterator[Amount]:
    return (note.amount for note in entity.notes.values() if note.amount is not None)


def _gatherings(key: GatheringKey, begin: datetime, limits: Limits) -> Iterator[GatheringKey]:
    """Where a bucket counts: on its day, and on the days before of which windows reach into it."""
    for day in limits.days(begin):
        yield replace(key, natural=(*key.natural[:-1], day.isoformat()))


def _address(bucket: Bucket) -> RowKey:
    key, begin = bucket
    partition, _ = address_of_entity(key)
    return partition, f"bucket-{begin:%H%M}"


def _weight(row: Row) -> int:
    return len(row.content) + _WEIGHT_OF_A_ROW
