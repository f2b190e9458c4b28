"""Who saw something first, where many come at once."""

from datetime import datetime, timedelta
from random import Random

from grantwatch import local
from grantwatch.adapters.in_memory import MemorySink, MemoryStore
from grantwatch.memory.sightings import Seen, Sighting, Sightings
from grantwatch.model.operation import OperationKey
from grantwatch.model.severity import Severity
from grantwatch.ports import Row
from grantwatch.settings import Settings
from tests.memory.subjects import EVE
from tests.world import ACCOUNT, ADMIN, NOON, OWNER, body_of
from tools.azure_records import OAuth, storage_request

READING = Sighting("this operation by this actor in this subscription", OWNER.id, ("ada", "listkeys", "production"))
TRAINING = timedelta(days=14)


def seen(number: int, at: datetime) -> Seen:
    key = OperationKey(tenant=OWNER.id, correlation_id=f"run {number}", name="listKeys", resource=f"/account{number}")
    return Seen(key, at, "production", {READING: at})


def test_a_crowd_that_is_earlier_hides_nobody_who_thought_to_be_first() -> None:
    """Whatever their order, and though each of them overtakes the one before."""
    late = seen(0, NOON)
    rows = {row.key: Row(*row.key, row.content, "1") for row in Sightings(TRAINING).changes([late], {}).rows}
    crowd = [seen(number, NOON - timedelta(minutes=number)) for number in range(1, 40)]

    for order in (crowd, crowd[::-1]):
        changes = Sightings(TRAINING).changes(order, rows)
        assert changes.firsts[READING.address].owner.key == crowd[-1].key
        assert late.key in changes.displaced(READING.address)


def test_who_asks_for_a_delegation_key_for_the_first_time_is_told() -> None:
    """Storage's requests have no call, but those that hand out a key name who asks."""
    before = storage_request(
        Random(1), ACCOUNT, "GetUserDelegationKey", NOON - 2 * TRAINING, OAuth(ADMIN), "198.51.100.7"
    )
    known = storage_request(Random(2), ACCOUNT, "GetUserDelegationKey", NOON, OAuth(ADMIN), "198.51.100.7")
    other = storage_request(Random(3), ACCOUNT, "GetUserDelegationKey", NOON, OAuth(EVE), "203.0.113.9")
    for records in ([before, known, other], [other, known, before]):
        sink = MemorySink()
        engine = local.engine(store=MemoryStore(), sink=sink, settings=Settings(owner_tenant_id=OWNER.id))
        for record in records:
            engine.process([body_of([record])])
        told = {each.ActorId: each for each in sink.current() if each.EventTime == NOON}

        assert told[EVE.object_id].Evidence["FirstSeen"]
        assert told[EVE.object_id].Severity is Severity.MEDIUM
        assert told[ADMIN.object_id].Severity is Severity.LOW
