from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, Naming
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import Lighthouse, LighthouseProperties
from grantwatch.model.grant import Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Outcome, Severity


@detector(
    id="GW12",
    on=Operation,
    operations=(
        "Microsoft.ManagedServices/registrationDefinitions/write",
        "Microsoft.ManagedServices/registrationAssignments/write",
        "Microsoft.ManagedServices/registrationAssignments/delete",
    ),
    requests=(Lighthouse,),
    responses=(Lighthouse,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Azure Lighthouse delegation",
        severity=Severity.HIGH,
        stage=Stage.ACCESS,
        techniques=(Technique.ACCOUNT_MANIPULATION, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1580,),
        false_positives=("A managed service provider is taken on.",),
        triage=(
            "Compare the managing tenant with the providers under contract.",
            "Read which roles the delegation gives, and to which principals of that tenant.",
            "Remove the assignment with the containment command if nobody answers for it.",
            "Search the Activity log for callers whose token is from that tenant, since then.",
        ),
        references=("https://learn.microsoft.com/azure/lighthouse/how-to/view-manage-service-providers",),
    ),
)
def lighthouse_delegated(operation: Operation) -> Said:
    """A subscription or resource group was put under the management of another tenant.

    The assignment makes it so, but only its definition names the tenant; the two are joined by the definition's id.
    """
    properties = (
        operation.request(Lighthouse).properties or operation.response(Lighthouse).properties or LighthouseProperties()
    )
    if operation.resource.kind.endswith("/registrationdefinitions"):
        if properties.managed_by_tenant_id:
            yield _naming(operation, properties)
        return
    definition = properties.registration_definition_id
    scope = next(iter(operation.resource.ancestors()), operation.resource)
    if operation.verb == "delete":
        yield Match(
            title="Azure Lighthouse delegation ended",
            summary=f"{operation.actor.label} took {scope.name} back from the management of another tenant.",
            target=scope,
            at=operation.decided,
            severity=Severity.INFORMATIONAL,
        )
        return
    yield Match(
        summary=f"{operation.actor.label} put {scope.name} under the management of another tenant.",
        target=scope,
        at=operation.decided,
        grant=Grant(GrantKind.LIGHTHOUSE_DELEGATION, operation.decided, carrier=operation.resource.text),
        named_by=_topic(ResourceId(definition)) if definition else None,
        evidence={"Definition": definition},
        containment=f"az managedservices assignment delete --assignment {operation.resource.quoted}",
    )


def _topic(definition: ResourceId) -> tuple[str, ...]:
    return "lighthouse definition", definition.name.lower()


def _naming(operation: Operation, properties: LighthouseProperties) -> Naming:
    tenant = (properties.managed_by_tenant_id or "").lower()
    delegations = properties.authorizations or ()
    roles = tuple(
        sorted({ResourceId(each.role_definition_id).name.lower() for each in delegations if each.role_definition_id})
    )
    return Naming(
        topic=_topic(operation.resource),
        at=operation.decided,
        holds=operation.outcome is not Outcome.FAILED,
        recipient=Recipient(RecipientKind.TENANT, tenant, tenant, properties.managed_by_tenant_name),
        evidence={"Offer": properties.registration_definition_name, "DelegatedRoles": roles},
    )
