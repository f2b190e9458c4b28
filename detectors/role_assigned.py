from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.model.access_bodies import RoleAssignment, RoleAssignmentProperties
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.roles import ROLES, Role
from grantwatch.model.severity import Severity

HOLDING_DATA = frozenset(
    (
        "microsoft.compute/disks",
        "microsoft.compute/snapshots",
        "microsoft.compute/restorepointcollections",
        "microsoft.compute/restorepointcollections/restorepoints",
        "microsoft.storage/storageaccounts",
        "microsoft.storage/storageaccounts/blobservices/containers",
        "microsoft.storage/storageaccounts/fileservices/fileshares",
        "microsoft.storage/storageaccounts/fileservices/shares",
        "microsoft.storage/storageaccounts/queueservices/queues",
        "microsoft.storage/storageaccounts/tableservices/tables",
        "microsoft.elasticsan/elasticsans/volumegroups",
    )
)
"""Resources on which a role is seldom given by itself; most are given on subscriptions and groups."""


@detector(
    id="GW26",
    on=Operation,
    operations=("Microsoft.Authorization/roleAssignments/write",),
    requests=(RoleAssignment,),
    responses=(RoleAssignment,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Role that reads data assigned",
        severity=Severity.INFORMATIONAL,
        stage=Stage.ACCESS,
        techniques=(Technique.ADDITIONAL_ROLES, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Deployments that give an application its role on the account or disk that it works with.",
            "People who join a team, and administrators who give themselves access to data for a piece of work.",
        ),
        triage=(
            "Look the principal up in the directory: a guest or another tenant's application is somebody outside.",
            "Read the role and the scope: they bound what can be reached, until somebody takes the role back.",
            "Ask the actor for whom and why, above all if the role is their own.",
            "Delete the assignment with the containment command if nobody answers for it.",
        ),
        references=(
            "https://learn.microsoft.com/rest/api/authorization/role-assignments/create",
            "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles",
        ),
    ),
)
def role_assigned(operation: Operation) -> Said:
    """Somebody was given a role with which data can be read or copied, or with which more such roles can be given.

    High to a principal that the record shows to be another tenant's. Medium on a single disk, snapshot, storage account
    or part of one, to the actor, and to a principal that no record names. Low for roles that give roles. Other roles
    are silent; one that no record shows is Informational.
    """
    given = _given(operation)
    scope = next(operation.resource.ancestors(), operation.resource)
    role_id = ResourceId(given.role_definition_id).name.lower() if given.role_definition_id else None
    role, principal = ROLES.get(role_id or ""), (given.principal_id or "").lower() or None
    if role_id and not role:
        yield Match(summary=f"A role on {scope.name}.", target=scope, at=operation.decided, void=True)
        return
    foreign, is_own = _is_foreign(given), principal is not None and principal == operation.actor.id
    whom = "themself" if is_own else principal or "somebody"
    yield Match(
        summary=f"{operation.actor.label} gave {whom} {role.name if role else 'a role that is not shown'} "
        f"on {scope.name}.",
        target=scope,
        at=operation.decided,
        severity=_severity(role, scope, foreign=foreign, is_special=is_own or principal is None),
        grant=Grant(GrantKind.ROLE_ASSIGNMENT, operation.decided, carrier=operation.resource.text),
        recipient=Recipient(RecipientKind.PRINCIPAL, principal) if principal else UNKNOWN_RECIPIENT,
        evidence={
            "Role": role.name if role else None,
            "RoleId": role_id,
            "PrincipalType": given.principal_type,
            "PrincipalIsForeign": foreign or None,
            "PrincipalIsActor": is_own or None,
        },
        containment=f"az role assignment delete --ids {operation.resource.quoted}",
    )


def _given(operation: Operation) -> RoleAssignmentProperties:
    bodies = (operation.request(RoleAssignment), operation.response(RoleAssignment))
    return next((body.properties for body in bodies if body.properties), RoleAssignmentProperties())


def _severity(role: Role | None, scope: ResourceId, *, foreign: bool, is_special: bool) -> Severity | None:
    """A role that no record shows is most often a harmless one."""
    if foreign:
        return Severity.HIGH
    if role is None:
        return None
    if scope.kind in HOLDING_DATA or is_special:
        return Severity.MEDIUM
    return Severity.LOW if role.gives_roles else None


def _is_foreign(assignment: RoleAssignmentProperties) -> bool:
    """A group of another tenant, or another tenant's managed identity, which Lighthouse lets in.

    Of users and service principals the record does not say where they come from.
    """
    is_group = (assignment.principal_type or "").lower() == "foreigngroup"
    return is_group or bool(assignment.delegated_managed_identity_resource_id)
