from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW30",
    on=Operation,
    operations=(
        "Microsoft.Compute/snapshots/delete",
        "Microsoft.Compute/disks/delete",
        "Microsoft.Compute/restorePointCollections/delete",
        "Microsoft.Compute/restorePointCollections/restorePoints/delete",
        "Microsoft.Storage/storageAccounts/delete",
        "Microsoft.RecoveryServices/vaults/delete",
        "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/delete",
        "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/delete",
        "Microsoft.DataProtection/backupVaults/delete",
        "Microsoft.DataProtection/backupVaults/backupInstances/delete",
    ),
    metadata=Metadata(
        title="Data or its copies deleted",
        severity=Severity.INFORMATIONAL,
        stage=Stage.DESTRUCTION,
        techniques=(Technique.DATA_DESTRUCTION, Technique.INHIBIT_RECOVERY),
        analytics=(Analytic.AN1580,),
        false_positives=("Snapshots, disks and accounts are deleted all day long, by people and by backup products.",),
        triage=(
            "Look at what the same actor did before: thieves copy first and delete afterwards.",
            "Restore what can be restored while the time for that runs; soft-deleted accounts are kept for 14 days.",
        ),
        references=(
            "https://www.microsoft.com/security/blog/2025/08/27/"
            "storm-0501s-evolving-techniques-lead-to-cloud-based-ransomware/",
            "https://learn.microsoft.com/azure/storage/common/storage-account-recover",
        ),
    ),
)
def data_destroyed(operation: Operation) -> Said:
    """A disk, snapshot, restore point, storage account or backup was deleted.

    Ordinary on its own. After a theft it is what hides the traces, or what a ransom is asked for.
    """
    resource = operation.resource
    kind = resource.kind.rpartition("/")[2]
    yield Match(
        summary=f"{operation.actor.label} deleted {_WORDS.get(kind, kind)} {resource.name}.",
        target=resource,
        at=operation.decided,
    )


_WORDS = {
    "snapshots": "snapshot",
    "disks": "disk",
    "restorepointcollections": "restore point collection",
    "restorepoints": "restore point",
    "storageaccounts": "storage account",
    "vaults": "vault",
    "protectioncontainers": "backup container",
    "protecteditems": "backup",
    "backupvaults": "backup vault",
    "backupinstances": "backup",
}
