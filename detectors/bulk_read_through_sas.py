from dataclasses import replace

from detectors.tellers import delegation_keys_revoked, keys_renewed, resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.detection.sas_uses import SAS_AUTHENTICATIONS, by_signature, containment_of, identity_of, recipient_of
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.grant_in_use import grant_in_use
from grantwatch.model.network import IpClass
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import READS, Access, by_reader
from grantwatch.model.volume import Limits, Taken, Volume

_MANY_TIMES = 8
_GB = 10**9


def by_signature_and_day(access: Access) -> tuple[str, ...] | None:
    """What was read through one SAS on one day is one finding."""
    natural = by_signature(access)
    return natural and (*natural, access.time.date().isoformat())


@detector(
    id="GW23",
    on=Volume,
    operations=READS,
    authentications=SAS_AUTHENTICATIONS,
    natural_key=by_signature_and_day,
    distinct_by=by_reader,
    notes_last_use=True,
    told_by=(delegation_keys_revoked, keys_renewed, resource_deleted),
    metadata=Metadata(
        title="Data read in bulk through a SAS",
        severity=Severity.MEDIUM,
        stage=Stage.USE,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.DATA_FROM_CLOUD_STORAGE),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Migrations, backups and analytics that read whole containers with a SAS.",
            "Applications that hand the same SAS to all of their users.",
        ),
        triage=(
            "Look at the addresses and agents: a copying tool at an unknown address is a download.",
            "List what was read with this signature, and decide whose data it is.",
            "Ask whoever made the SAS, or could have made it, whether somebody was to take that much.",
            "While it goes on, end it with the containment command before anything else.",
        ),
        references=(
            "https://learn.microsoft.com/azure/storage/blobs/blob-storage-monitoring-scenarios",
            "https://learn.microsoft.com/azure/storage/blobs/monitor-blob-storage-reference",
        ),
    ),
)
def bulk_read_through_sas(volume: Volume) -> Said:
    """More was read through one SAS within `TransferTimeWindow` than `VolumeSizeThresholdGB`, or very many objects.

    From eight times as much on it is High; where only networks of ours had used the SAS on that day by the end of the
    window, Informational. Figures are the least that it was: of the first window that reached as much as the fullest of
    the day, rounded down to a doubling. A window is made of whole five minutes, so that it is up to that much longer;
    of five minutes in which less was read than a quarter of an even share of the threshold nothing is counted. Numbers
    of 64 objects and more are estimates.
    """
    taken = volume.taken
    if taken.reached < 1:
        return
    takers = volume.until(taken.ends)
    yield Match(
        summary=f"At least {_amount(taken, volume.limits)} were read through one SAS of {volume.first.account}.",
        target=volume.resource,
        at=taken.begins,
        severity=_severity(takers),
        grant=grant_in_use(volume),
        recipient=recipient_of(_outsiders(takers)),
        evidence={
            "BytesAtLeast": taken.size,
            "ObjectsAtLeast": taken.objects,
            "RequestsAtLeast": taken.requests,
            "Estimated": taken.estimated or None,
            "WindowStart": taken.begins.isoformat(),
            "WindowEnd": taken.ends.isoformat(),
            **identity_of(volume),
            "Addresses": takers.origins,
            "Agents": takers.agents,
        },
        containment=containment_of(volume),
    )


def _outsiders(volume: Volume) -> Volume:
    """The same of clients on networks that are not ours, where there are any."""
    clients = tuple(each for each in volume.accesses if each.network is not IpClass.OWN and not each.by_copy_engine)
    return replace(volume, accesses=clients or volume.accesses)


def _severity(volume: Volume) -> Severity:
    if all(access.network is IpClass.OWN for access in volume.accesses):
        return Severity.INFORMATIONAL
    return Severity.HIGH if volume.taken.reached >= _MANY_TIMES else Severity.MEDIUM


def _amount(taken: Taken, limits: Limits) -> str:
    """In bytes where these reached their limit, else in objects."""
    return f"{taken.size / _GB:,g} GB" if taken.size >= limits.size else f"{taken.objects:,} objects"
