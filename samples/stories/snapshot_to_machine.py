"""A database disk is copied into another subscription and read there on a new machine."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from samples.estate import DATABASE_DISK, DISK, ENGINEER, MACHINE, PRODUCTION, SANDBOX, SNAPSHOT
from samples.stories.scene import Scene, copy_of
from tools.azure_records import AZURE_CLI, Record

_INTRUDER = replace(ENGINEER, address="203.0.113.52", application=AZURE_CLI, methods="pwd")
_SNAPSHOT = PRODUCTION.resource("rg-sql", SNAPSHOT, "sql-prod-before-patch")
_COPY = SANDBOX.resource("rg-dev", DISK, "disk-test-data")
_INTERFACE = "Microsoft.Network/networkInterfaces"
_CARD = SANDBOX.resource("rg-dev", _INTERFACE, "vm-test-07-nic")
_NEW_MACHINE = SANDBOX.resource("rg-dev", MACHINE, "vm-test-07")


def snapshot_to_machine(rng: Random) -> Iterator[Record]:
    """Yield the records of one night: snapshot, copy, machine, a command on it, and the traces removed."""
    production, sandbox = (Scene(rng, _INTRUDER, subscription) for subscription in (PRODUCTION, SANDBOX))
    command = {"commandId": "RunShellScript"}
    yield from production.lasting_call("01:04", f"{SNAPSHOT}/write", _SNAPSHOT, copy_of(DATABASE_DISK))
    yield from sandbox.lasting_call("01:09", f"{DISK}/write", _COPY, copy_of(_SNAPSHOT))
    yield from sandbox.call("01:12", f"{_INTERFACE}/write", _CARD, {"location": "westeurope"})
    yield from sandbox.lasting_call("01:14", f"{MACHINE}/write", _NEW_MACHINE, _machine(), status="Created")
    yield from sandbox.lasting_call("01:22", f"{MACHINE}/runCommand/action", _NEW_MACHINE, command)
    yield from sandbox.lasting_call("03:40", f"{MACHINE}/delete", _NEW_MACHINE)
    yield from sandbox.lasting_call("03:43", f"{DISK}/delete", _COPY)
    yield from production.lasting_call("03:45", f"{SNAPSHOT}/delete", _SNAPSHOT)


def _machine() -> dict[str, Any]:
    """Return the body that makes a machine from a public image and attaches the copied disk."""
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    attached = {"lun": 0, "createOption": "Attach", "managedDisk": {"id": _COPY}}
    return {
        "location": "westeurope",
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
            "storageProfile": {
                "imageReference": image,
                "osDisk": {"createOption": "FromImage", "name": "vm-test-07-os"},
                "dataDisks": [attached],
            },
            "networkProfile": {"networkInterfaces": [{"id": _CARD}]},
        },
    }
