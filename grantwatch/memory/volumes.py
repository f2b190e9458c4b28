"""What was taken through each SAS, counted by five minutes and by day, and told to those who ask how much it was.

The row of a bucket holds a sample of its requests, and that of a day what each of its buckets came to, so that whoever
joins more to one changes nothing by doing so twice. A bucket is stored before its day, and a day before it is told of:
whoever stored the last requests of one tells what it came to. That is a few figures that seldom change. While they do
not, and nobody else wrote the day meanwhile, what was told before is told again, which is no news to anybody.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from msgspec.structs import replace

from grantwatch.memory.counts import Sample, amount_of, packed, sample_of, unpacked
from grantwatch.memory.days import Counted, Day, day_in
from grantwatch.memory.entities import Entity, address_of_entity
from grantwatch.memory.events import in_order
from grantwatch.memory.facts import Note
from grantwatch.memory.notes import Notes
from grantwatch.memory.remembered_rows import RememberedRows
from grantwatch.model.bounded import Bounded
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.storage_access import Access
from grantwatch.model.transfer import Transfer
from grantwatch.model.volume import Amount, Limits, Taken, Volume, fullest
from grantwatch.ports import RowKey, StateStore

Bucket = tuple[GatheringKey, datetime]
"""One SAS on one day, and the beginning of five minutes of it."""

MOST_REMEMBERED = 96 * 2**20
"""Bytes of rows that one engine remembers, enough for some 150,000 SAS that are used a little."""
_MOST_TOLD = 32_768
_TAKEN = "taken"
_BUCKET = "bucket-"


class Volumes:
    """The counts of one engine over one state store."""

    def __init__(self, store: StateStore, limits: Limits, *, most_remembered: int = MOST_REMEMBERED) -> None:
        self._limits = limits
        self._rows = RememberedRows(store, most_remembered)
        self._told: Bounded[RowKey, tuple[int, Note]] = Bounded(_MOST_TOLD)

    def count(self, transfers: Mapping[Bucket, Sequence[Transfer]]) -> Notes:
        """Add requests to their buckets and days, and tell of every day that was added to, if it may matter.

        What was added before is told again. Raises StateConflictError when other writers keep winning.
        """
        days: dict[GatheringKey, dict[datetime, Counted]] = defaultdict(dict)
        days_of = {begin: [day.isoformat() for day in self._limits.days(begin)] for _, begin in transfers}
        for (key, begin), sample in self._joined(transfers).items():
            amount = amount_of(begin, sample)
            if self._limits.counts(amount):
                for day in days_of[begin]:
                    of_day = replace(key, natural=(*key.natural[:-1], day))
                    days[of_day][begin] = Counted(sample.known, amount)
        return dict(self._notes(days)) if days else {}

    def _joined(self, new: Mapping[Bucket, Sequence[Transfer]]) -> dict[Bucket, Sample]:
        """What the buckets hold with these requests, all of it in the store."""
        joined: dict[Bucket, Sample] = {}
        buckets = {_address_of_bucket(*bucket): bucket for bucket in new}

        def add(address: RowKey, content: bytes | None) -> bytes:
            bucket = buckets[address]
            joined[bucket] = sample_of(new[bucket], unpacked(content) if content is not None else None)
            return packed(joined[bucket])

        self._rows.change(buckets, add)
        return joined

    def _notes(
        self, new: Mapping[GatheringKey, Mapping[datetime, Counted]]
    ) -> Iterator[tuple[GatheringKey, dict[str, Note]]]:
        """What days come to with these buckets, all of it in the store."""
        days = {_address_of_day(key): key for key in new}
        before: dict[RowKey, Day] = {}
        joined: dict[RowKey, Day] = {}

        def add(address: RowKey, content: bytes | None) -> bytes:
            before[address] = day_in(content)
            joined[address] = before[address].joined(new[days[address]])
            return joined[address].packed()

        self._rows.change(days, add)
        for address, day in joined.items():
            key = days[address]
            taken = fullest(day.amounts, date.fromisoformat(key.natural[-1]), self._limits)
            if taken is not None:
                yield key, {_TAKEN: self._note(address, before[address], day, taken)}

    def _note(self, address: RowKey, before: Day, day: Day, taken: Taken) -> Note:
        """A note of what was taken: the last one, if it said the same and was of the day that this engine added to."""
        known, note = self._told.get(address, (None, None))
        if note is None or note.taken != taken or known != before.known:
            note = Note(known=day.known, taken=taken)
        self._told[address] = day.known, note
        return note


def volumes_of(entity: Entity, limits: Limits) -> tuple[Volume, ...]:
    """What a detector sees of who read with one SAS on one day and of what was taken; nothing without both."""
    key, note = entity.key, entity.notes.get(_TAKEN)
    accesses = tuple(each for each in in_order(entity.accesses, Access) if not each.reads_nothing)
    if not isinstance(key, GatheringKey) or not accesses or note is None or note.taken is None:
        return ()
    return (Volume(key, accesses, note.taken, limits, known_use=entity.known_use),)


def amount_in(name: str, content: bytes, midnight: datetime) -> Amount | None:
    """What the requests in a row came to; None where it is none of a bucket of the day that begins then."""
    if not name.startswith(_BUCKET):
        return None
    at = datetime.strptime(name.removeprefix(_BUCKET), "%H%M")
    return amount_of(midnight.replace(hour=at.hour, minute=at.minute), unpacked(content))


def _address_of_bucket(key: GatheringKey, begin: datetime) -> RowKey:
    partition, _ = address_of_entity(key)
    return partition, f"{_BUCKET}{begin.hour:02}{begin.minute:02}"


def _address_of_day(key: GatheringKey) -> RowKey:
    partition, _ = address_of_entity(key)
    return partition, "day"
