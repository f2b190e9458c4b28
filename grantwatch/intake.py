"""From the bodies of a batch to facts about entities, every record accounted for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from grantwatch.detection.detector import Detector, Distinct
from grantwatch.detection.index import Index
from grantwatch.detection.routes import OperationRoute, Route, StorageRoute
from grantwatch.memory.beginnings import Subscription
from grantwatch.memory.counts import bucket_of
from grantwatch.memory.entities import EntityKey
from grantwatch.memory.facts import LAST_USE, Fact, LastUse, access_digest, phase_digest
from grantwatch.memory.firsts import Span
from grantwatch.memory.volumes import Bucket
from grantwatch.model.bounded import Bounded
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.secrets import masked_bytes
from grantwatch.model.storage_access import Access, by_object
from grantwatch.model.transfer import Transfer
from grantwatch.model.volume import Volume
from grantwatch.ordinary_records import Noticed, OrdinaryRecords
from grantwatch.ports import Parked
from grantwatch.settings import Settings
from grantwatch.tally import Tally
from grantwatch.wire.activity import phase_of, reports_a_call
from grantwatch.wire.bodies import prepare
from grantwatch.wire.envelope import decode
from grantwatch.wire.fields import UnreadableRecordError, moment
from grantwatch.wire.json_views import dump, materialise
from grantwatch.wire.shapes import shape_of
from grantwatch.wire.storage import access_of
from grantwatch.wire.transfers import transfer_of

# Reading a body takes whatever else is in the processor's caches, so records are normalised some dozens at a time.
_MOST_WAITING = 64
_MOST_ORIGINALS = 65_536
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_TOO_LONG = "a number in the record is too long"


class _Chosen(Struct):
    """A record that was selected, with the body that it came in and its place in the batch."""

    route: Route
    record: Mapping[str, Any]
    body: bytes
    number: int
    salvaged: bool


class Original(Struct, frozen=True):
    """A request that was taken in whole. Those of its shape that are later, in the same hour, repeat it.

    They tell nothing more, being neither first uses nor uses in a further hour. They still count where it counts, as
    what ``reads`` data or does not.
    """

    time: datetime
    hour_ends: datetime
    counted_for: tuple[GatheringKey, ...]
    reads: bool

    def is_repeated_at(self, time: datetime) -> bool:
        return self.time <= time < self.hour_ends

    def tells_more_than(self, other: "Original | None") -> bool:
        return other is None or LastUse(self.time).tells_more_than(LastUse(other.time))


class Batch(Struct):
    """What a batch of bodies brought: facts by entity and digest, what must be parked, and the count of everything.

    ``noticed`` is what is known by records of the Activity log that brought no facts. ``transfers`` are requests to be
    counted, and ``latest`` is the time of the latest request. ``originals`` are requests by their shapes: once all this
    is at rest, what repeats them need only be counted, in whichever batch it comes.
    """

    facts: dict[EntityKey, dict[str, Fact]] = field(default_factory=lambda: defaultdict(dict))
    transfers: dict[Bucket, list[Transfer]] = field(default_factory=lambda: defaultdict(list))
    noticed: Noticed = field(default_factory=Noticed)
    originals: dict[int, Original] = field(default_factory=dict)
    latest: datetime | None = None
    parked: list[Parked] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


class Intake:
    """Decodes, selects and normalises."""

    def __init__(self, index: Index, settings: Settings) -> None:
        self._index = index
        self._tenant = settings.owner_tenant_id
        self._networks = settings.networks
        self._ordinary = OrdinaryRecords(settings.owner_tenant_id)
        self._originals: Bounded[int, Original] = Bounded(_MOST_ORIGINALS)
        prepare(index.body_types)

    def take(self, bodies: Sequence[bytes]) -> Batch:
        """The facts in some message bodies. Never raises for what the bodies hold."""
        batch = Batch()
        waiting: list[_Chosen] = []
        for number, body in enumerate(bodies):
            waiting += self._take_body(body, number, batch)
            if len(waiting) >= _MOST_WAITING:
                self._take_records(waiting, batch)
                waiting = []
        self._take_records(waiting, batch)
        return batch

    def settle(self, batch: Batch, beginnings: Mapping[Subscription, Span]) -> None:
        """Take note that all that a batch brought is at rest, and what is stored of the subscriptions in it."""
        self._ordinary.settle(batch.noticed, beginnings)
        for shape, original in batch.originals.items():
            if original.tells_more_than(self._originals.get(shape)):
                self._originals[shape] = original

    def _take_body(self, body: bytes, number: int, batch: Batch) -> Iterator[_Chosen]:
        """The records of a body that some detector is for."""
        decoded = decode(body)
        selection = self._index.select(decoded.records)
        tally = batch.tally
        tally.records += len(decoded.records)
        tally.ignored += selection.ignored
        self._ordinary.look_at(selection.ordinary, batch.noticed)
        for rejected in decoded.rejected:
            tally.records += rejected.records
            self._reject(rejected.reason, rejected.body, number, batch, rejected.records)
        for stray in selection.strays:
            self._reject("expected log records", _bytes_of(stray, body), number, batch)
        for route, view in selection.chosen:
            try:
                if isinstance(route, StorageRoute) and not decoded.salvaged and self._take_repeat(view, batch):
                    tally.selected += 1
                else:
                    yield _Chosen(route, materialise(view), body, number, decoded.salvaged)
            except ValueError:
                self._reject(_TOO_LONG, body, number, batch)

    def _take_records(self, chosen: Iterable[_Chosen], batch: Batch) -> None:
        for each in chosen:
            try:
                if self._take_record(each.route, each.record, each.salvaged, batch):
                    batch.tally.selected += 1
                else:
                    batch.tally.ignored += 1
            except UnreadableRecordError as error:
                self._reject(str(error), _bytes_of(each.record, each.body), each.number, batch)
            except ValueError:
                self._reject(_TOO_LONG, each.body, each.number, batch)

    def _take_record(self, route: Route, record: Mapping[str, Any], salvaged: bool, batch: Batch) -> bool:
        """Whether the record, on a closer look, is of a family that the route is for."""
        if isinstance(route, OperationRoute):
            if not reports_a_call(record):
                self._ordinary.look_at([record], batch.noticed)
                return False
            key, phase = phase_of(
                record, route.name, route.requests, route.responses, owner_tenant=self._tenant, salvaged=salvaged
            )
            batch.facts[key][phase_digest(phase)] = phase
            return True
        category = record.get("category")
        if category and "storage" not in str(category).lower():
            return False
        self._take_request(route, record, salvaged, batch)
        return True

    def _take_request(self, route: StorageRoute, record: Mapping[str, Any], salvaged: bool, batch: Batch) -> None:
        """Facts of a request, which is counted besides where it counts."""
        access = access_of(record, self._networks, salvaged=salvaged)
        matters = list(self._matters(route, access))
        self._take_uses(matters, access, batch)
        counted_for = tuple(key for detector, key in matters if detector.on is Volume)
        _count(record, access.time, counted_for, access.reads, batch)
        shape = None if salvaged else shape_of(record)
        if shape is not None and not any(detector.distinct_by is by_object for detector, _ in matters):
            hour_ends = access.time.replace(minute=0, second=0, microsecond=0) + _HOUR
            batch.originals[shape] = Original(access.time, hour_ends, counted_for, access.reads)

    def _take_repeat(self, record: Mapping[str, Any], batch: Batch) -> bool:
        """Count a request, in a lazy view, where the one counts that it repeats; False where it repeats none."""
        shape, time = shape_of(record), moment(record.get("time"))
        if shape is None or time is None:
            return False
        original = batch.originals.get(shape) or self._originals.get(shape)
        if original is None or not original.is_repeated_at(time):
            return False
        _count(record, time, original.counted_for, original.reads, batch)
        return True

    def _matters(self, route: StorageRoute, access: Access) -> Iterator[tuple[Detector, GatheringKey]]:
        """The detectors that a request matters to, and where its facts are gathered for each."""
        for detector in route.detectors:
            natural = detector.natural_key(access) if detector.natural_key else None
            if natural is not None:
                keeper = self._index.keepers[detector]
                yield detector, GatheringKey(tenant=self._tenant, detector=keeper, natural=natural)

    def _take_uses(self, matters: Iterable[tuple[Detector, GatheringKey]], access: Access, batch: Batch) -> None:
        uses: dict[Distinct, tuple[str, Access]] = {}
        last_use = LastUse(access.time)
        for detector, key in matters:
            if detector.distinct_by not in uses:
                reduced = detector.distinct_by(access)
                uses[detector.distinct_by] = _name_of(replace(reduced, time=_ANY_TIME)), reduced
            name, use = uses[detector.distinct_by]
            known = batch.facts[key].get(name)
            if known is None or use.time < known.time:
                batch.facts[key][name] = use
            if detector.notes_last_use:
                latest = batch.facts[key].get(LAST_USE)
                if not isinstance(latest, LastUse) or last_use.tells_more_than(latest):
                    batch.facts[key][LAST_USE] = last_use

    def _reject(self, reason: str, body: bytes, number: int, batch: Batch, records: int = 1) -> None:
        batch.tally.rejected += records
        batch.parked.append(Parked(reason, masked_bytes(body), number=number))


def _count(
    record: Mapping[str, Any], time: datetime, counted_for: Sequence[GatheringKey], reads: bool, batch: Batch
) -> None:
    batch.latest = max(time, batch.latest or time)
    if counted_for:
        transfer, bucket = transfer_of(record, reads=reads), bucket_of(time)
        for key in counted_for:
            batch.transfers[key, bucket].append(transfer)


@lru_cache(maxsize=8192)
def _name_of(use: Access) -> str:
    """The digest of a use at whatever time; requests repeat it."""
    return access_digest(use)


def _bytes_of(record: Any, body: bytes) -> bytes:
    """The record's own bytes, or all of its body where they cannot be told apart."""
    try:
        return dump(record)
    except ValueError:
        return body
