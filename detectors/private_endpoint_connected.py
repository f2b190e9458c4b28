from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Closing, Match, ending
from grantwatch.model.access_bodies import ConnectionProperties, EndpointConnection
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.containment import reject_endpoint
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity


@detector(
    id="GW27",
    on=Operation,
    operations=(
        "Microsoft.Storage/storageAccounts/privateEndpointConnections/write",
        "Microsoft.Compute/diskAccesses/privateEndpointConnections/write",
        "Microsoft.Sql/servers/privateEndpointConnections/write",
        "Microsoft.DocumentDB/databaseAccounts/privateEndpointConnections/write",
        "Microsoft.KeyVault/vaults/privateEndpointConnections/write",
        "Microsoft.ContainerRegistry/registries/privateEndpointConnections/write",
        "Microsoft.Synapse/workspaces/privateEndpointConnections/write",
        "*/privateEndpointConnections/write",
        "*/privateEndpointConnectionsApproval/action",
    ),
    requests=(EndpointConnection,),
    responses=(EndpointConnection,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Private endpoint connected",
        severity=Severity.LOW,
        stage=Stage.ACCESS,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "A network team connects a service to its own virtual networks.",
            "Services of Microsoft and of partners that reach data through managed private endpoints.",
        ),
        triage=(
            "Compare the endpoint's subscription with those of this organisation.",
            "Reject the connection with the containment command if it is nobody's; what was read stays read.",
            "Search the resource's own logs for requests from private addresses since: firewalls do not stop them.",
        ),
        references=(
            "https://learn.microsoft.com/azure/private-link/manage-private-endpoint",
            "https://learn.microsoft.com/rest/api/storagerp/private-endpoint-connections/put",
        ),
    ),
)
def private_endpoint_connected(operation: Operation) -> Said:
    """A virtual network was let in to a resource that holds data, past its firewall.

    High when the endpoint lies in a subscription that is not declared ours, Medium when no record names it,
    Informational when it lies in the resource's own. A connection that only waits for approval is Informational.
    """
    connection = operation.resource
    status = _status(operation)
    if "microsoft.network" in connection.kind:
        return
    if status in ("rejected", "disconnected"):
        yield Closing(topic=ending(connection), at=operation.decided, holds=operation.took_effect)
    if status in ("rejected", "disconnected", "pending"):
        yield _kept_out(operation, status)
    else:
        yield _let_in(operation, status)


def _let_in(operation: Operation, status: str | None) -> Match:
    target, endpoint = _target(operation.resource), _endpoint(operation)
    connection = operation.resource if operation.resource != target else None
    is_near = endpoint is not None and endpoint.subscription == target.subscription
    return Match(
        summary=f"{operation.actor.label} connected {target.name} to "
        + (f"private endpoint {endpoint.name}." if endpoint else "a private endpoint that is not named."),
        target=target,
        at=operation.decided,
        severity=Severity.INFORMATIONAL if is_near else None if endpoint else Severity.MEDIUM,
        severity_if_foreign=Severity.HIGH if endpoint and not is_near else None,
        grant=Grant(GrantKind.PRIVATE_ENDPOINT, operation.decided, carrier=connection.text if connection else None),
        recipient=_recipient(endpoint),
        evidence={"PrivateEndpoint": endpoint.text if endpoint else None, "Status": status},
        containment=reject_endpoint(target, connection),
    )


def _kept_out(operation: Operation, status: str) -> Match:
    target, endpoint = _target(operation.resource), _endpoint(operation)
    return Match(
        title=f"Private endpoint {status}",
        summary=f"{operation.actor.label} left a private endpoint of {target.name} {status}.",
        target=target,
        at=operation.decided,
        severity=Severity.INFORMATIONAL,
        recipient=_recipient(endpoint),
        evidence={"PrivateEndpoint": endpoint.text if endpoint else None, "Status": status},
    )


def _target(resource: ResourceId) -> ResourceId:
    """What was connected: a connection lies in it, an approval is an action of it."""
    is_connection = resource.kind.endswith("/privateendpointconnections")
    return next(resource.ancestors(), resource) if is_connection else resource


def _properties(operation: Operation) -> tuple[ConnectionProperties, ...]:
    """What now is, then what was asked for."""
    bodies = (operation.response(EndpointConnection), operation.request(EndpointConnection))
    return tuple(body.properties for body in bodies if body.properties)


def _endpoint(operation: Operation) -> ResourceId | None:
    named = (each.private_endpoint.id for each in _properties(operation) if each.private_endpoint)
    return next((ResourceId(text) for text in named if text), None)


def _status(operation: Operation) -> str | None:
    """What was asked for: an answer can lag behind."""
    states = (each.private_link_service_connection_state for each in reversed(_properties(operation)))
    return next((state.status.lower() for state in states if state and state.status), None)


def _recipient(endpoint: ResourceId | None) -> Recipient:
    if endpoint is None or endpoint.subscription is None:
        return UNKNOWN_RECIPIENT
    return Recipient(RecipientKind.SUBSCRIPTION, endpoint.subscription, name=endpoint.name)
