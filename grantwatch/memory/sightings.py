"""What was never seen before: an actor's operation or network, a recipient's tenant, a subscription's operation.

A sighting is a row that names its holder: of all that saw the same, the one with the smallest time, then name. New is
what the holder saw. Whoever turns out to be earlier takes the row over, and the holder before is judged again: the row
keeps who was displaced, so that somebody else does it should the first die. Entities are stored beside the rows that
they take, and whoever displaces a holder stores it anew: should it be on its way just then, that swap loses.

What is new teaches nothing while a subscription is in training, for some days from its earliest event, which need not
be one that is remembered. Such an entity leaves a mark, so that it is judged again when an earlier event turns up.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct, field

from grantwatch.memory.beginnings import beginning_of
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey, Owner
from grantwatch.memory.firsts import NAME, First, Span, changed, first_in, joined
from grantwatch.memory.trainees import mark_of, trainees_of
from grantwatch.model.actor import Actor
from grantwatch.model.bounded import Bounded
from grantwatch.model.network import network_of
from grantwatch.model.operation import OperationKey, Phase
from grantwatch.model.resource import resource_of
from grantwatch.model.severity import Outcome
from grantwatch.model.storage_access import Access
from grantwatch.ports import Row, RowKey

_REMEMBERED = 65_536


class Sighting(Struct, frozen=True):
    """Something whose first time matters. ``words`` complete the sentence "never seen before: …"."""

    words: str
    tenant: str
    values: tuple[str, ...]

    @property
    def address(self) -> RowKey:
        return _address_of(self)


@lru_cache(maxsize=4096)
def _address_of(sighting: Sighting) -> RowKey:
    return digest(("sighting", sighting.tenant, sighting.words, sighting.values)), NAME


class Novelty(Struct, frozen=True):
    """What is new about an entity, in words, and whether newness means nothing yet."""

    firsts: tuple[str, ...] = ()
    in_training: bool = False
    known: int = 0
    """How much is known about it: rises as firsts turn out not to be any."""


NOTHING_NEW = Novelty()


class Seen(Struct, frozen=True):
    """An entity's sightings, each with its first time, and the earliest time of all that is known of the entity."""

    key: EntityKey
    at: datetime
    subscription: str
    sightings: Mapping[Sighting, datetime]


def seen_by(key: OperationKey, phases: Iterable[Phase], recipients: Iterable[str]) -> Seen:
    """What a call saw, as each record of it that Azure took it on tells; tenants of recipients are given apart.

    Records are looked at one by one: what each saw stays true whatever others turn out to belong to the same call.
    """
    known = sorted(phases, key=lambda phase: phase.time)
    taken_on = [phase for phase in known if phase.outcome in (Outcome.ACCEPTED, Outcome.SUCCEEDED)]
    subscription = _subscription(key.resource)
    sightings: dict[Sighting, datetime] = {}
    for phase in taken_on:
        for words, values in _sightings(key.name, phase.actor, subscription):
            sightings.setdefault(Sighting(words, key.tenant, values), phase.time)
    for tenant in recipients if taken_on else ():
        sightings.setdefault(Sighting("access for this tenant", key.tenant, (tenant,)), taken_on[0].time)
    return Seen(key, known[0].time, subscription, sightings)


def presence_of(key: OperationKey, phases: Iterable[Phase]) -> Seen:
    """What a call tells of which no detector says anything: nothing but that its subscription had begun by then."""
    return Seen(key, min(phase.time for phase in phases), _subscription(key.resource), {})


def seen_at_storage(key: EntityKey, accesses: Iterable[Access]) -> Seen | None:
    """What requests for delegation keys saw: of storage's requests those alone hand something out and name who asks."""
    asked = sorted((each for each in accesses if each.requests_delegation_key and each.succeeded), key=_time_of)
    sightings: dict[Sighting, datetime] = {}
    for access in asked:
        for words, values in _sightings(access.operation, access.actor, _subscription(access.resource)):
            sightings.setdefault(Sighting(words, key.tenant, values), access.time)
    return Seen(key, asked[0].time, _subscription(asked[0].resource), sightings) if asked else None


def _time_of(access: Access) -> datetime:
    return access.time


def _subscription(resource: str) -> str:
    return resource_of(resource).subscription or ""


def _sightings(name: str, actor: Actor, subscription: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    operation = name.lower()
    if subscription:
        yield "this operation in this subscription", (subscription, operation)
    if actor.id:
        yield "this operation by this actor in this subscription", (actor.id, operation, subscription)
    network = network_of(actor.address)
    if actor.id and network:
        yield "this actor from this network", (actor.id, network)


class Sightings:
    """The sightings of one engine: which rows have to be looked at, what they say, and how they change."""

    def __init__(self, training: timedelta) -> None:
        self._training = training
        self._known: Bounded[RowKey, Span] = Bounded(_REMEMBERED)

    def addresses(self, seen: Seen) -> list[RowKey]:
        """The rows that may change or say something new; none where all is known to be old."""
        rows = [each.address for each, at in seen.sightings.items() if not self._is_old(each.address, at)]
        start = _start(seen)
        return [*rows, start] if rows or not self._is_old(start, seen.at) else []

    def marks(self, seen: Seen) -> Iterator[Row]:
        """What to leave before the rows are read, to be judged again when training turns out to have begun earlier."""
        if not all(self._is_old(each.address, at) for each, at in seen.sightings.items()):
            yield mark_of(seen.key, seen.at, _trainees(seen))

    def judge(self, everyone: Iterable[Seen], changes: "Changes") -> dict[EntityKey, Novelty]:
        """What is new about some entities, given what becomes of the rows of them all."""
        return {seen.key: self._novelty(seen, changes) for seen in everyone if seen.sightings}

    def changes(self, everyone: Iterable[Seen], rows: Mapping[RowKey, Row | None]) -> "Changes":
        """The rows to swap, given what stands in them, and whose holders are displaced."""
        changes = Changes()
        for seen in everyone:
            asked = set(self.addresses(seen))
            times = {each.address: at for each, at in seen.sightings.items()} | {_start(seen): seen.at}
            for address in asked:
                changes.offer(address, seen.key, times[address], rows.get(address))
            changes.starts[_start(seen)] = seen
        return changes

    def _novelty(self, seen: Seen, changes: "Changes") -> Novelty:
        owner = Owner.of(seen.key)
        held = [changes.firsts.get(each.address) for each in seen.sightings]
        firsts = [
            each.words
            for each, first in zip(seen.sightings, held, strict=True)
            if first is not None and first.owner == owner
        ]
        start = changes.firsts.get(_start(seen))
        in_training = bool(firsts) and start is not None and seen.at < start.at + self._training
        return Novelty(tuple(sorted(set(firsts))), in_training, len(held) - len(firsts) + (not in_training))

    def confirm(self, rows: Iterable[Row]) -> None:
        """These are stored."""
        for row in rows:
            self._known[row.key] = first_in(row).span

    def _is_old(self, address: RowKey, at: datetime) -> bool:
        known = self._known.get(address)
        return known is not None and known.covers(Span(at, at))


class Changes(Struct):
    """Rows of sightings as they shall be, and who asked for them."""

    firsts: dict[RowKey, First] = field(default_factory=dict)
    before: dict[RowKey, Row | None] = field(default_factory=dict)
    askers: dict[RowKey, set[EntityKey]] = field(default_factory=dict)
    starts: dict[RowKey, Seen] = field(default_factory=dict)

    def offer(self, address: RowKey, key: EntityKey, at: datetime, row: Row | None) -> None:
        """Note that an entity saw it. Whoever the row names and is overtaken has to be judged again."""
        mine = First.by(key, Span(at, at))
        stored = first_in(row) if row else None
        self.firsts[address] = joined(self.firsts.get(address) or stored or mine, mine, stored)
        self.before[address] = row
        self.askers.setdefault(address, set()).add(key)

    @property
    def rows(self) -> list[Row]:
        """Those that differ from what is stored."""
        return changed(self.firsts, self.before)

    def displaced(self, address: RowKey) -> set[EntityKey]:
        """Who thought to be first, where one of the askers is: perhaps nobody came to judge them again yet.

        Where a subscription began sooner than thought, whoever it matters to has left a mark.
        """
        if address in self.starts:
            return set()
        first = self.firsts[address]
        return {owner.key for owner in first.displaced} if first.owner.key in self.askers[address] else set()

    def trainees(self, address: RowKey) -> tuple[str, datetime] | None:
        """The partition of those to be judged again, where one of the askers began a subscription that was known."""
        seen = self.starts.get(address)
        begins = self.before[address] is not None and self.firsts[address].owner.key in self.askers[address]
        return (_trainees(seen), self.firsts[address].at) if seen is not None and begins else None


def _start(seen: Seen) -> RowKey:
    return beginning_of(seen.key.tenant, seen.subscription)


def _trainees(seen: Seen) -> str:
    return trainees_of(seen.key.tenant, seen.subscription)
