from detectors.tellers import keys_renewed, resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.containment import renew_keys
from grantwatch.model.grant import Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW05",
    on=Operation,
    operations=("Microsoft.Storage/storageAccounts/listKeys/action",),
    told_by=(keys_renewed, resource_deleted),
    metadata=Metadata(
        title="Storage account keys read",
        severity=Severity.LOW,
        stage=Stage.ACCESS,
        techniques=(Technique.UNSECURED_CREDENTIALS, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "The Azure portal reads the keys when somebody browses a container by key.",
            "Functions, backup and monitoring services read the keys of the accounts they work on.",
        ),
        triage=(
            "Treat both keys as held by the actor: the log does not say which one was read.",
            "Check whether the actor reads these keys habitually, and from this address.",
            "Search the storage logs for requests signed by the keys, and for SAS, since then.",
            "Renew both keys, one after the other, if the reading is not accounted for.",
        ),
        references=("https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-keys",),
    ),
)
def account_keys_read(operation: Operation) -> Said:
    """A caller read the keys of a storage account: full access, and the means to sign SAS that no log shows."""
    actor = operation.actor
    yield Match(
        summary=f"{actor.label} read the keys of {operation.resource.name}.",
        target=operation.resource,
        at=operation.decided,
        grant=Grant(GrantKind.ACCOUNT_KEYS, operation.decided, name=(operation.resource.key, actor.id or actor.label)),
        recipient=Recipient(RecipientKind.PRINCIPAL, actor.id, actor.tenant, actor.label),
        containment=renew_keys(operation.resource),
    )
