"""Who saw something first, where many come at once."""

from datetime import datetime, timedelta

from grantwatch.memory.sightings import Seen, Sighting, Sightings
from grantwatch.model.operation import OperationKey
from grantwatch.ports import Row
from tests.world import NOON, OWNER

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
