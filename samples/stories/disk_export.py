"""A stolen account exports two disks and lets the access run."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from samples.estate import APPLICATION_DISK, DATABASE_DISK, DISK, ENGINEER, MACHINE, OPERATOR, PRODUCTION, SNAPSHOT
from samples.stories.scene import Scene, copy_of
from tools.azure_records import AZURE_CLI, Record

_INTRUDER = replace(ENGINEER, address="203.0.113.41", application=AZURE_CLI, methods="pwd")
_SNAPSHOT = PRODUCTION.resource("rg-sql", SNAPSHOT, "migration-check")
_BEFORE_A_CHANGE = PRODUCTION.resource("rg-web", SNAPSHOT, "before-change")


def disk_export(rng: Random) -> Iterator[Record]:
    """Yield the records of three days: ordinary restarts and a snapshot, and one evening's export."""
    yield from _restarts(rng)
    intruder = Scene(rng, _INTRUDER, PRODUCTION)
    hours = {"access": "Read", "durationInSeconds": 10_800}
    yield from intruder.lasting_call("21:12", f"{SNAPSHOT}/write", _SNAPSHOT, copy_of(DATABASE_DISK))
    yield from intruder.lasting_call("21:15", f"{SNAPSHOT}/beginGetAccess/action", _SNAPSHOT, hours)
    yield from _without_start(intruder.lasting_call("21:31", f"{DISK}/beginGetAccess/action", APPLICATION_DISK, hours))
    yield from intruder.lasting_call("00:40", f"{SNAPSHOT}/delete", _SNAPSHOT, day=1)
    operator = Scene(rng, OPERATOR, PRODUCTION)
    yield from operator.lasting_call("09:40", f"{SNAPSHOT}/write", _BEFORE_A_CHANGE, copy_of(APPLICATION_DISK), day=2)


def _without_start(call: list[Record]) -> list[Record]:
    """Return the call without the record that tells the duration: logs are delivered as well as can be, no better."""
    return [record for record in call if record["resultType"] != "Start"]


def _restarts(rng: Random) -> Iterator[Record]:
    operator = Scene(rng, OPERATOR, PRODUCTION)
    for day in range(3):
        for number in range(4):
            machine = PRODUCTION.resource("rg-web", MACHINE, f"vm-web-{number:02d}")
            yield from operator.lasting_call(f"{6 + number:02d}:10", f"{MACHINE}/restart/action", machine, day=day)
