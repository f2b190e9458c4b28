from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, Setting
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import StorageResource
from grantwatch.model.containment import update_account
from grantwatch.model.grant import Grant, GrantKind
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW08",
    on=Operation,
    operations=("Microsoft.Storage/storageAccounts/write", "Microsoft.Storage/storageAccounts/delete"),
    requests=(StorageResource,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Cross-tenant replication allowed",
        severity=Severity.MEDIUM,
        stage=Stage.WEAKENING,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=("Organisations of several tenants that replicate between them.",),
        triage=(
            "Look for object replication policies on the account, made since.",
            "Ask the actor which tenant is to receive the data.",
            "Run the containment command; while a cross-tenant policy exists it fails, so remove that first.",
        ),
        references=(
            "https://learn.microsoft.com/azure/storage/blobs/object-replication-prevent-cross-tenant-policies",
        ),
    ),
)
def cross_tenant_replication_allowed(operation: Operation) -> Said:
    """A storage account now lets its objects be replicated into accounts of other tenants."""
    request = operation.request(StorageResource)
    deleted = operation.verb == "delete"
    allowed = request.properties.allow_cross_tenant_replication if request.properties else None
    if allowed is None and not deleted:
        return
    setting = Setting(
        topic=("cross-tenant replication", operation.resource.key),
        values=frozenset() if deleted else frozenset((str(allowed).lower(),)),
        at=operation.decided,
        whole=request.is_whole and not operation.created,
        holds=operation.took_effect,
    )
    yield setting
    if allowed:
        yield Match(
            summary=f"{operation.actor.label} allowed replication of {operation.resource.name} to other tenants.",
            target=operation.resource,
            at=operation.decided,
            change=setting,
            grant=Grant(GrantKind.CROSS_TENANT_REPLICATION, operation.decided, name=(operation.resource.key,)),
            evidence={"AllowCrossTenantReplication": True},
            containment=update_account(operation.resource, "--allow-cross-tenant-replication false"),
        )
