from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import CreationData, DiskResource
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW14",
    on=Operation,
    operations=("Microsoft.Compute/snapshots/write",),
    requests=(DiskResource,),
    responses=(DiskResource,),
    metadata=Metadata(
        title="Snapshot created",
        severity=Severity.INFORMATIONAL,
        stage=Stage.ACCESS,
        techniques=(Technique.CREATE_SNAPSHOT,),
        analytics=(Analytic.AN1187, Analytic.AN1580),
        false_positives=("Backup products and people who take a snapshot before a change.",),
        triage=(
            "See what became of the snapshot: access granted to it, disks made from it, machines that mounted those.",
            "Compare the actor with those who make snapshots of this disk as a rule.",
        ),
        references=("https://learn.microsoft.com/rest/api/compute/snapshots/create-or-update",),
    ),
)
def snapshot_created(operation: Operation) -> Said:
    """A copy of a disk was made that can be granted, moved and mounted apart from its machine.

    Ordinary on its own. A write that is seen to carry no creation data changes a snapshot that exists, and is silent.
    """
    bodies = [body.properties for body in (operation.response(DiskResource), operation.request(DiskResource))]
    created_from = next((body.creation_data for body in bodies if body and body.creation_data), None)
    origin = created_from or CreationData()
    source = origin.source_resource_id or origin.source_uri
    yield Match(
        summary=f"{operation.actor.label} created snapshot {operation.resource.name}"
        + (f" of {source.rstrip('/').rpartition('/')[2]}." if source else "."),
        target=operation.resource,
        at=operation.decided,
        evidence={
            "Source": source,
            "CreateOption": origin.create_option,
            "DiskSizeGB": next((body.disk_size_gb for body in bodies if body and body.disk_size_gb), None),
        },
        void=created_from is None and operation.has_request(DiskResource),
        containment=f"az snapshot delete --ids {operation.resource.quoted}",
    )
