from collections.abc import Iterator

from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Closing, Match, Setting, ending
from grantwatch.model.access_bodies import SharedData, SharedDataProperties
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.containment import post
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity


@detector(
    id="GW29",
    on=Operation,
    operations=(
        "Microsoft.DataShare/accounts/shares/write",
        "Microsoft.DataShare/accounts/shares/invitations/write",
        "Microsoft.DataShare/accounts/shares/providerShareSubscriptions/reinstate/action",
        "Microsoft.DataShare/accounts/shares/providerShareSubscriptions/revoke/action",
        "Microsoft.Storage/storageAccounts/dataShares/write",
        "Microsoft.Storage/storageAccounts/consumerDataSharePolicies/write",
    ),
    requests=(SharedData,),
    responses=(SharedData,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Data shared",
        severity=Severity.MEDIUM,
        stage=Stage.ACCESS,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=("Data products that are shared with partners and customers under contract.",),
        triage=(
            "Compare the recipient with the partners that data is shared with.",
            "Read which containers, paths or tables the share shows.",
            "Ask the actor under which agreement it was shared.",
            "End it with the containment command; what was received before stays with the recipient.",
        ),
        references=(
            "https://learn.microsoft.com/azure/data-share/share-your-data",
            "https://learn.microsoft.com/rest/api/datashare/invitations/create",
        ),
    ),
)
def data_shared(operation: Operation) -> Said:
    """Somebody was invited to data, by Azure Data Share or by a storage account's own data shares.

    High when the recipient is not known to be ours. A share to which nobody is invited yet, a policy for data that is
    received, and a recipient who is shut out are Informational.
    """
    resource = operation.resource
    body = operation.request(SharedData).properties or operation.response(SharedData).properties
    properties = body or SharedDataProperties()
    if operation.verb == "revoke":
        yield Closing(topic=ending(resource), at=operation.decided, holds=operation.took_effect)
    listed = _listed(operation, properties)
    if listed is not None:
        yield listed
    deed = _deed(operation, listed)
    if deed is not None:
        yield _told(operation, deed)
        return
    for recipient in tuple(_recipients(properties)) or (UNKNOWN_RECIPIENT,):
        yield _shared(operation, properties, recipient, listed)


def _shared(
    operation: Operation, properties: SharedDataProperties, recipient: Recipient, listed: Setting | None
) -> Match:
    share, name = _share(operation.resource), recipient.name or recipient.id
    return Match(
        summary=f"{operation.actor.label} shared {share.name} with {name or 'somebody'}.",
        target=share,
        at=operation.decided,
        severity_if_foreign=Severity.HIGH,
        change=listed.of(_listing(recipient)) if listed else None,
        grant=Grant(
            GrantKind.DATA_SHARE,
            operation.decided,
            name=(operation.resource.key, _listing(recipient)) if listed else (),
            carrier=operation.resource.text,
        ),
        recipient=recipient,
        evidence={
            "SharedWith": (name or str(recipient.kind),),
            "Assets": tuple(asset.asset_path for asset in properties.assets or () if asset.asset_path),
        },
        containment=_containment(operation.resource),
    )


def _deed(operation: Operation, listed: Setting | None) -> str | None:
    """What the actor did, where it lets nobody in."""
    if operation.verb == "revoke":
        return "shut a recipient out of"
    if operation.resource.kind == "microsoft.storage/storageaccounts/consumerdatasharepolicies":
        return "set a policy for received data in"
    is_empty = listed is not None and not listed.values
    return (
        "created or changed" if is_empty or operation.resource.kind == "microsoft.datashare/accounts/shares" else None
    )


def _told(operation: Operation, deed: str) -> Match:
    share = _share(operation.resource)
    return Match(
        title="Data share changed",
        summary=f"{operation.actor.label} {deed} {share.name}.",
        target=share,
        at=operation.decided,
        severity=Severity.INFORMATIONAL,
    )


def _share(resource: ResourceId) -> ResourceId:
    """What is shared: an invitation, subscription or policy lies in it."""
    is_share = resource.kind.endswith("shares")
    return resource if is_share else next(resource.ancestors(), resource)


def _listed(operation: Operation, properties: SharedDataProperties) -> Setting | None:
    """The recipients of a storage account's data share, each time all of them."""
    if properties.access_policies is None:
        return None
    return Setting(
        topic=("data share", operation.resource.key),
        values=frozenset(map(_listing, _recipients(properties))),
        at=operation.decided,
        holds=operation.took_effect,
    )


def _listing(recipient: Recipient) -> str:
    return f"{recipient.tenant} {recipient.id}"


def _recipients(properties: SharedDataProperties) -> Iterator[Recipient]:
    """An invitation goes to a directory, perhaps to one identity in it, or to an address of which nothing is known."""
    tenant = (properties.target_active_directory_id or "").lower() or None
    if tenant and properties.target_object_id:
        yield Recipient(RecipientKind.PRINCIPAL, properties.target_object_id.lower(), tenant)
    elif tenant:
        yield Recipient(RecipientKind.TENANT, tenant, tenant)
    elif properties.target_email:
        yield Recipient(RecipientKind.PRINCIPAL, name=properties.target_email)
    for policy in properties.access_policies or ():
        if policy.principal_id:
            tenant = (policy.tenant_id or "").lower() or None
            yield Recipient(RecipientKind.PRINCIPAL, policy.principal_id.lower(), tenant)


def _containment(resource: ResourceId) -> str:
    if resource.kind.endswith("/providersharesubscriptions"):
        return post(resource, "revoke", "2021-08-01")
    return f"az resource delete --ids {resource.quoted}"
