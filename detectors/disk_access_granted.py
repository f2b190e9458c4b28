from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Closing, Match, ending
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import GrantAccess
from grantwatch.model.containment import post
from grantwatch.model.grant import Grant, GrantKind, after
from grantwatch.model.life import ACCESS
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW01",
    on=Operation,
    operations=(
        "Microsoft.Compute/disks/beginGetAccess/action",
        "Microsoft.Compute/disks/endGetAccess/action",
        "Microsoft.Compute/snapshots/beginGetAccess/action",
        "Microsoft.Compute/snapshots/endGetAccess/action",
        "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/beginGetAccess/action",
        "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/endGetAccess/action",
        "Microsoft.Compute/restorePointCollections/restorePoints/retrieveSasUris/action",
        "Microsoft.Compute/virtualMachineScaleSets/disks/beginGetAccess/action",
        "Microsoft.Compute/virtualMachineScaleSets/disks/endGetAccess/action",
        "Microsoft.Compute/galleries/remoteContainerImages/beginGetAccess/action",
        "Microsoft.ElasticSan/elasticSans/volumeGroups/snapshots/beginGetAccess/action",
        "Microsoft.ElasticSan/elasticSans/volumeGroups/snapshots/endGetAccess/action",
    ),
    requests=(GrantAccess,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Disk access granted",
        severity=Severity.MEDIUM,
        stage=Stage.ACCESS,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.CREATE_SNAPSHOT),
        analytics=(Analytic.AN1580, Analytic.AN1187),
        false_positives=(
            "Backup, migration and forensic tools export disks this way.",
            "An administrator downloads a disk to mend a machine elsewhere.",
        ),
        triage=(
            "Ask the actor, over another channel, whether and why the disk was exported.",
            "Run the containment command if the grant is open; the URL works for whoever holds it until then.",
            "Assume that the whole disk was copied: the download is in nobody's log but Microsoft's.",
            "Look for the disk's snapshots and for virtual machines made from them, in every subscription.",
            "Rotate the credentials that were stored on the disk.",
        ),
        references=(
            "https://learn.microsoft.com/rest/api/compute/disks/grant-access",
            "https://learn.microsoft.com/azure/virtual-machines/disks-restrict-import-export-overview",
        ),
    ),
)
def disk_access_granted(operation: Operation) -> Said:
    """A caller obtained a URL from which a whole disk, snapshot or restore point can be downloaded.

    The URL needs no further credential, and its use is never in the owner's logs, so the grant is all there is to see.
    """
    if operation.verb == "endgetaccess":
        yield Closing(topic=ending(operation.resource), at=operation.decided, holds=operation.took_effect, part=ACCESS)
        yield Match(
            title="Disk access revoked",
            summary=f"{operation.actor.label} ended the download access to {operation.resource.name}.",
            target=operation.resource,
            at=operation.decided,
            severity=Severity.INFORMATIONAL,
        )
        return
    request = operation.request(GrantAccess)
    opened = operation.decided
    lasts = request.duration_in_seconds
    yield Match(
        summary=f"{operation.actor.label} obtained a download URL for {operation.resource.name}.",
        target=operation.resource,
        at=opened,
        grant=Grant(GrantKind.DISK_ACCESS, opened, after(opened, lasts), name=(operation.resource.key,)),
        evidence={"AccessLevel": request.access, "DurationInSeconds": lasts},
        containment=_containment(operation),
    )


def _containment(operation: Operation) -> str | None:
    """The command that ends the access; for some resources none is known, and the URL holds until it expires."""
    resource = operation.resource
    match resource.kind.rpartition("/")[2]:
        case "disks" if resource.kind == "microsoft.compute/disks":
            return f"az disk revoke-access --ids {resource.quoted}"
        case "snapshots" if resource.kind == "microsoft.compute/snapshots":
            return f"az snapshot revoke-access --ids {resource.quoted}"
        case "diskrestorepoints" | "disks":
            return post(resource, "endGetAccess", "2024-03-02")
        case _:
            return None
