from collections.abc import Iterator

from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, Setting
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.operation import Operation
from grantwatch.model.protection_bodies import Protection, ProtectionProperties, VaultSecurity
from grantwatch.model.severity import Severity


@detector(
    id="GW31",
    on=Operation,
    operations=(
        "Microsoft.Authorization/locks/delete",
        "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/delete",
        "Microsoft.Storage/storageAccounts/blobServices/containers/clearLegalHold/action",
        "Microsoft.Storage/storageAccounts/blobServices/write",
        "Microsoft.Storage/storageAccounts/fileServices/write",
        "Microsoft.RecoveryServices/vaults/write",
        "Microsoft.RecoveryServices/vaults/backupconfig/write",
        "Microsoft.RecoveryServices/vaults/backupResourceGuardProxies/delete",
        "Microsoft.DataProtection/backupVaults/write",
        "Microsoft.DataProtection/backupVaults/backupResourceGuardProxies/delete",
    ),
    requests=(Protection,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Protection of data removed",
        severity=Severity.LOW,
        stage=Stage.WEAKENING,
        techniques=(Technique.INHIBIT_RECOVERY,),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Locks are taken off for a change and put back after it.",
            "Retention is switched off for data that is to be deleted for good.",
        ),
        triage=(
            "Ask the actor which change needed it, and put the protection back.",
            "Look at what the same actor does next: keys, copies and deletions often follow.",
        ),
        references=(
            "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
            "https://learn.microsoft.com/azure/storage/blobs/data-protection-overview",
            "https://learn.microsoft.com/azure/backup/backup-azure-security-feature-cloud",
        ),
    ),
)
def protection_removed(operation: Operation) -> Said:
    """What keeps data from being deleted for good was taken away.

    A lock, an immutability policy or legal hold, soft delete or versioning of storage, or the like of a vault.
    """
    resource = operation.resource
    if operation.verb == "write":
        yield from _switched_off(operation)
        return
    owner = next(resource.ancestors(), resource) if operation.verb == "delete" else resource
    removed = _NAMES.get(resource.kind.rpartition("/")[2], "a protection")
    yield Match(
        summary=f"{operation.actor.label} removed {removed} of {owner.label}.",
        target=owner,
        at=operation.decided,
        evidence={"Removed": (resource.name,)},
    )


def _switched_off(operation: Operation) -> Said:
    request = operation.request(Protection)
    for name, is_on in _protections(request.properties or ProtectionProperties()):
        setting = Setting(
            topic=("protection", name, operation.resource.key),
            values=frozenset(("on" if is_on else "off",)),
            at=operation.decided,
            whole=request.is_whole and not operation.created,
            is_default=operation.created,
            holds=operation.took_effect,
        )
        yield setting
        if not is_on:
            yield Match(
                summary=f"{operation.actor.label} switched off {name} of {operation.resource.label}.",
                target=operation.resource,
                at=operation.decided,
                change=setting,
                evidence={"Removed": (name,)},
            )


_NAMES = {
    "locks": "a lock",
    "immutabilitypolicies": "the immutability policy",
    "containers": "a legal hold",
    "backupresourceguardproxies": "the resource guard",
}


def _protections(properties: ProtectionProperties) -> Iterator[tuple[str, bool]]:
    """What a request says of each protection, and whether it leaves it on."""
    policies = {
        "soft delete": properties.delete_retention_policy,
        "soft delete of containers": properties.container_delete_retention_policy,
        "soft delete of shares": properties.share_delete_retention_policy,
    }
    for name, policy in policies.items():
        if policy is not None and policy.enabled is not None:
            yield name, policy.enabled
    if properties.is_versioning_enabled is not None:
        yield "versioning", properties.is_versioning_enabled
    for name, state in _states(properties.security_settings or VaultSecurity()):
        if state:
            yield name, state.lower() not in _OFF
    if properties.soft_delete_feature_state:
        yield "soft delete", properties.soft_delete_feature_state.lower() not in _OFF


_OFF = frozenset(("disabled", "off"))


def _states(security: VaultSecurity) -> Iterator[tuple[str, str | None]]:
    soft, immutability = security.soft_delete_settings, security.immutability_settings
    yield "soft delete", (soft.soft_delete_state or soft.state) if soft else None
    yield "immutability", immutability.state if immutability else None
