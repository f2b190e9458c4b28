"""Joining facts is a set union with a bound: the order, the grouping and the repetition of joins do not matter."""

import json
from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from grantwatch.memory.entities import Entity, restored, stored
from grantwatch.memory.events import events_of
from grantwatch.memory.facts import MOST_FACTS, MOST_USES, Note, access_digest, phase_digest
from grantwatch.memory.facts import joined as joined_facts
from grantwatch.model.actor import Actor
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.network import IpClass
from grantwatch.model.operation import OperationKey, Phase
from grantwatch.model.severity import Outcome
from grantwatch.model.storage_access import NOT_READING, Access
from grantwatch.model.traces import Edge, Link
from grantwatch.ports import Row
from tests.strategies import stable
from tests.world import NOON

CALL = OperationKey(tenant="t", correlation_id="c", name="n", resource="/r")
USE = GatheringKey(tenant="t", detector="sas_used_externally", natural=("a",))

phases = st.builds(
    Phase,
    time=st.integers(0, 9).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    outcome=st.sampled_from(Outcome),
    resource=st.sampled_from(("/r", "/R")),
    actor=st.just(Actor()),
    status=st.none() | st.just("OK"),
)
accesses = st.builds(
    Access,
    time=st.integers(0, 9).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    operation=st.sampled_from(("GetBlob", "PutBlob")),
    succeeded=st.booleans(),
    authentication=st.just("sas"),
    account=st.just("a"),
    resource=st.just("a"),
    actor=st.builds(Actor, address=st.sampled_from(("192.0.2.1", "192.0.2.2", None))),
    network=st.sampled_from((IpClass.PUBLIC, IpClass.OWN)),
)
_ANY_USE = Access(
    time=NOON,
    operation="GetBlob",
    succeeded=True,
    authentication="sas",
    account="a",
    resource="a",
    actor=Actor(),
    network=IpClass.PUBLIC,
)
facts = st.lists(phases, max_size=12) | st.lists(accesses, max_size=12)


def by_digest(found: Sequence[Phase | Access]) -> dict[str, Phase | Access]:
    """As a batch brings them: of alike requests the first."""
    named: dict[str, Phase | Access] = {}
    for fact in sorted(found, key=lambda each: each.time):
        named.setdefault(phase_digest(fact) if isinstance(fact, Phase) else access_digest(fact), fact)
    return named


def joined(*groups: list[Phase] | list[Access]) -> Entity:
    uses = any(isinstance(each, Access) for group in groups for each in group)
    entity = Entity(key=USE if uses else CALL)
    for group in groups:
        entity.join(by_digest(group))
    return entity


def same(one: Entity, other: Entity) -> bool:
    return (one.facts, events_of(one.key, one.facts)) == (other.facts, events_of(other.key, other.facts))


@stable(200)
@given(facts, st.integers(0, 12), st.randoms(use_true_random=False))
def test_joining_is_indifferent_to_order_grouping_and_repetition(
    found: list[Phase] | list[Access], place: int, random: Random
) -> None:
    mixed = [*found, *found[:place]]
    random.shuffle(mixed)

    assert same(joined(found), joined(mixed[:place], mixed[place:]))
    assert same(joined(found), joined(found, found))


@pytest.mark.parametrize("seed", range(3))
def test_an_entity_keeps_the_earliest_facts_whatever_their_order(seed: int) -> None:
    many = [
        Phase(time=NOON + timedelta(seconds=n // 3), outcome=Outcome.SUCCEEDED, resource=f"/{n}", actor=Actor())
        for n in range(2 * MOST_FACTS)
    ]
    mixed = list(many)
    Random(seed).shuffle(mixed)
    in_one, in_three = joined(mixed), joined(mixed[:300], mixed[200:400], mixed[350:])

    assert in_one.is_full
    assert len(in_one.phases) == MOST_FACTS
    assert same(in_one, joined(many))
    assert same(in_three, joined(many))


@pytest.mark.parametrize("seed", range(3))
def test_an_entity_keeps_the_first_uses_whatever_their_order(seed: int) -> None:
    many = [
        Access(
            time=NOON + timedelta(seconds=second),
            operation="GetBlob",
            succeeded=True,
            authentication="sas",
            account="a",
            resource="a",
            actor=Actor(address=f"192.0.2.{number}"),
            network=IpClass.PUBLIC,
        )
        for number in range(2 * MOST_USES)
        for second in (number, 1000 - number)
    ]
    mixed = list(many)
    Random(seed).shuffle(mixed)

    assert len(joined(many).accesses) == MOST_USES
    assert same(joined(mixed[:50], mixed[50:]), joined(many))
    assert same(joined(*([each] for each in mixed)), joined(many))


@pytest.mark.parametrize("seed", range(3))
def test_who_read_takes_the_place_of_who_only_looked_around(seed: int) -> None:
    def by(number: int, operation: str) -> Access:
        actor, at = Actor(address=f"198.51.100.{number}"), NOON + timedelta(minutes=number)
        return structs.replace(_ANY_USE, time=at, operation=operation, actor=actor)

    around = [by(number, NOT_READING) for number in range(MOST_USES + 9)]
    readers = [by(number, "GetBlob") for number in range(100, 100 + MOST_USES)]
    mixed = [*around, *readers[:5]]
    Random(seed).shuffle(mixed)
    entity = joined(around, readers[:5])

    assert same(entity, joined(mixed[:20], mixed[10:]))
    assert set(readers[:5]) <= set(entity.accesses.values())
    assert entity.is_full
    assert not entity.is_saturated
    assert joined(around, readers).is_saturated


@stable(100)
@given(st.lists(phases, max_size=6), st.booleans())
def test_what_is_stored_is_restored(found: list[Phase], lapsed: bool) -> None:
    entity = Entity(key=CALL)
    entity.join(by_digest(found), lapsed=lapsed)

    again = restored(CALL, stored(entity))

    assert same(entity, again)
    assert again.lapsed is lapsed
    assert stored(again).content == stored(entity).content


def test_unknown_fields_are_kept() -> None:
    row = Row("p", "entity", b'{"version":1,"later":{"big":12345678901234567890,"text":"\\u00e4"}}', "7")

    entity = restored(USE, row)
    entity.join({}, lapsed=True)

    assert json.loads(stored(entity).content)["later"] == {"big": 12345678901234567890, "text": "ä"}
    assert stored(entity).version == "7"


def test_nothing_goes_before_there_is_too_much() -> None:
    """That the first of three alike had no effect may become known when all three are."""

    def told(minutes: int, *, holds: bool = True) -> Note:
        at = NOON + timedelta(minutes=minutes)
        edge = Edge(at=at, actor=Actor(), operation="n", holds=holds, source="/a", target="/b", how=Link.SNAPSHOT)
        return Note(known=1 if holds else 2, trace=edge)

    first, failed, *others = told(1), told(1, holds=False), told(2), told(3)
    later = dict(zip(("edge-b", "edge-c"), others, strict=True))

    for known, new in (({"edge-a": first, **later}, {"edge-a": failed}), ({"edge-a": failed}, later)):
        assert joined_facts(joined_facts({}, known), new) == {"edge-a": failed, **later}
