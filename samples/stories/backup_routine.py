"""A backup product and Azure Backup at their nightly work, which is nobody's incident."""

from collections.abc import Iterator
from random import Random

from samples.estate import (
    BACKUP_PRODUCT,
    BACKUP_SERVICE,
    DATABASE_DISK,
    FINANCE,
    MACHINE,
    PAYROLL,
    PRODUCTION,
    PROTECTED_DISKS,
    SNAPSHOT,
)
from samples.stories.scene import LIST_KEYS, Scene, copy_of
from tools.azure_records import Record

_NIGHTS = 18
_RETENTION = 5
_COLLECTION = "Microsoft.Compute/restorePointCollections"
_POINTS = f"{_COLLECTION}/restorePoints"


def backup_routine(rng: Random) -> Iterator[Record]:
    """Yield the records of eighteen nights, more than any training takes."""
    product, service = (Scene(rng, caller, PRODUCTION) for caller in (BACKUP_PRODUCT, BACKUP_SERVICE))
    for night in range(_NIGHTS):
        for number, disk in enumerate((DATABASE_DISK, PROTECTED_DISKS[2])):
            yield from _back_up(product, night, number, disk)
        yield from _platform(service, night)


def _back_up(product: Scene, night: int, number: int, disk: str) -> Iterator[Record]:
    """Yield one disk's night: snapshot, access to what changed, its end, and the snapshot that is old enough."""
    snapshot, old = _snapshot(night, number), _snapshot(night - _RETENTION, number)
    asked = {"access": "Read", "durationInSeconds": 14_400}
    yield from product.lasting_call(
        f"01:{3 * number:02d}", f"{SNAPSHOT}/write", snapshot, copy_of(disk, incremental=True), day=night
    )
    yield from product.lasting_call(
        f"01:{20 + number}", f"{SNAPSHOT}/beginGetAccess/action", snapshot, asked, day=night
    )
    yield from product.lasting_call(f"02:{10 + number}", f"{SNAPSHOT}/endGetAccess/action", snapshot, day=night)
    if night >= _RETENTION:
        yield from product.lasting_call(f"02:{30 + number}", f"{SNAPSHOT}/delete", old, day=night)


def _snapshot(night: int, number: int) -> str:
    return PRODUCTION.resource("rg-backup", SNAPSHOT, f"backup-{number:02d}-night-{night:02d}")


def _platform(service: Scene, night: int) -> Iterator[Record]:
    """Yield the night of Azure Backup: a restore point of a machine read and let go, and keys of two accounts."""
    machine = PRODUCTION.resource("rg-web", MACHINE, "vm-web-00")
    collection = PRODUCTION.resource("AzureBackupRG_westeurope_1", _COLLECTION, "AzureBackup_vm-web-00")
    source = {"location": "westeurope", "properties": {"source": {"id": machine}}}
    point = f"{collection}/restorePoints/AzureBackup_{night:02d}"
    yield from service.call("03:00", f"{_COLLECTION}/write", collection, source, day=night)
    yield from service.lasting_call("03:01", f"{_POINTS}/write", point, {"properties": {}}, day=night)
    yield from service.lasting_call("03:04", f"{_POINTS}/retrieveSasUris/action", point, day=night)
    if night >= _RETENTION:
        old = f"{collection}/restorePoints/AzureBackup_{night - _RETENTION:02d}"
        yield from service.lasting_call("03:50", f"{_POINTS}/delete", old, day=night)
    for number, account in enumerate((FINANCE, PAYROLL)):
        yield from service.call(f"03:1{number}", LIST_KEYS, account.resource_id, day=night)
