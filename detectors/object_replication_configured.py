from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import ReplicationPolicy, ReplicationProperties
from grantwatch.model.containment import delete_replication_policy
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity


@detector(
    id="GW09",
    on=Operation,
    operations=(
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/write",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/delete",
    ),
    requests=(ReplicationPolicy,),
    responses=(ReplicationPolicy,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Object replication configured",
        severity=Severity.MEDIUM,
        stage=Stage.USE,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=("Replication between regions for availability, within one organisation.",),
        triage=(
            "Compare the destination account with the accounts that this organisation has.",
            "Read the policy's rules for the containers and prefixes that leave.",
            "Delete the policy with the containment command; what was replicated before stays at the destination.",
        ),
        references=("https://learn.microsoft.com/azure/storage/blobs/object-replication-overview",),
    ),
)
def object_replication_configured(operation: Operation) -> Said:
    """A policy now copies every new object of an account to another account, on and on.

    High when the destination is not known to be ours, for then it is a standing leak.
    """
    if operation.verb == "delete":
        yield Match(
            title="Object replication ended",
            summary=f"{operation.actor.label} deleted replication policy {operation.resource.name}.",
            target=operation.resource.storage_account or operation.resource,
            at=operation.decided,
            severity=Severity.INFORMATIONAL,
        )
        return
    policy = (
        operation.request(ReplicationPolicy).properties
        or operation.response(ReplicationPolicy).properties
        or ReplicationProperties()
    )
    account = operation.resource.storage_account or operation.resource
    name = _policy(operation)
    destination = _account(policy.destination_account, account)
    yield Match(
        summary=f"{operation.actor.label} set up replication from {_name(policy.source_account, account)} "
        f"to {destination.name if destination else 'an account that is not named'}.",
        target=account,
        at=operation.decided,
        severity_if_foreign=Severity.HIGH,
        grant=Grant(
            GrantKind.OBJECT_REPLICATION,
            operation.decided,
            carrier=f"{account.text}/objectReplicationPolicies/{name}" if name else None,
        ),
        recipient=(
            Recipient(RecipientKind.STORAGE_ACCOUNT, destination.text, name=destination.name)
            if destination
            else UNKNOWN_RECIPIENT
        ),
        evidence={"SourceAccount": policy.source_account, "DestinationAccount": policy.destination_account},
        containment=delete_replication_policy(account, name),
    )


def _policy(operation: Operation) -> str | None:
    """The id of the policy. One that is made under the name ``default`` gets it from the service.

    https://learn.microsoft.com/rest/api/storagerp/object-replication-policies/create-or-update
    """
    answered = operation.response(ReplicationPolicy).properties
    name = (answered.policy_id if answered else None) or operation.resource.name
    return None if name.lower() == "default" else name


def _account(named: str | None, account: ResourceId) -> ResourceId | None:
    """Older policies name accounts, newer ones give their resource ids."""
    if named is None:
        return None
    return account if named.lower() == account.name.lower() else ResourceId(named)


def _name(named: str | None, account: ResourceId) -> str:
    return ResourceId(named).name if named else account.name
