"""The ARM calls of the benchmark load: ordinary administration, and calls that detectors select."""

from dataclasses import dataclass
from typing import Any

from tools.azure_records import AZURE_CLI, Caller, CallerKind, Role, Subscription, Tenant, synthetic_guid

_CONTOSO = Tenant("contoso")
_STRANGER = Tenant("tailspin")
SUBSCRIPTION = Subscription("load", _CONTOSO, ("contoso-root", "contoso-platform", "contoso-load"))
OPERATOR = Caller(CallerKind.USER, "Robin Kessler", _CONTOSO, "198.51.100.20", Role.CONTRIBUTOR, AZURE_CLI)
PIPELINE = Caller(CallerKind.SERVICE_PRINCIPAL, "release pipeline", _CONTOSO, "198.51.100.21", Role.OWNER)
WORKLOAD = Caller(
    CallerKind.MANAGED_IDENTITY,
    "web workload",
    _CONTOSO,
    "10.20.0.4",
    Role.BLOB_CONTRIBUTOR,
    resource_id=SUBSCRIPTION.resource("rg-load", "Microsoft.Web/sites", "web"),
)


@dataclass(frozen=True)
class ArmCall:
    """An operation on a resource of some kind; `@name@` in texts becomes a number, one for the whole call."""

    caller: Caller
    kind: str
    verb: str
    request: Any = None
    response: Any = None
    accepted: bool = False
    name: str = "load-@name@"

    @property
    def operation(self) -> str:
        return f"{self.kind}/{self.verb}"


def _id(kind: str) -> str:
    return SUBSCRIPTION.resource("rg-load", kind, "load-@name@")


_TAGS = {"tags": dict.fromkeys(("cost-centre", "owner", "service", "stage", "change-number"), "@name@")}
_INTERFACE = {
    "location": "westeurope",
    "properties": {
        "enableAcceleratedNetworking": True,
        "ipConfigurations": [
            {
                "name": f"primary-{number}",
                "properties": {
                    "privateIPAllocationMethod": "Dynamic",
                    "subnet": {"id": f"{_id('Microsoft.Network/virtualNetworks')}/subnets/{number}"},
                },
            }
            for number in range(2)
        ],
    },
    **_TAGS,
}
_MACHINE = "Microsoft.Compute/virtualMachines"
_STATE = {"startTime": "2026-03-10T00:00:00+00:00", "status": "InProgress", "name": "load-@name@", **_TAGS}
_RULE = {
    "properties": {
        "protocol": "Tcp",
        "sourceAddressPrefix": "10.0.0.0/8",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
        "access": "Allow",
        "priority": 200,
        "direction": "Inbound",
    }
}

ORDINARY = (
    ArmCall(OPERATOR, _MACHINE, "start/action", response=_STATE, accepted=True),
    ArmCall(OPERATOR, _MACHINE, "deallocate/action", response=_STATE, accepted=True),
    ArmCall(OPERATOR, _MACHINE, "restart/action", response=_STATE, accepted=True),
    ArmCall(OPERATOR, "Microsoft.Network/networkInterfaces", "write", _INTERFACE, _INTERFACE),
    ArmCall(PIPELINE, "Microsoft.Network/networkInterfaces", "write", _INTERFACE, _INTERFACE),
    ArmCall(OPERATOR, "Microsoft.Network/networkSecurityGroups/securityRules", "write", _RULE, _RULE),
    ArmCall(OPERATOR, "Microsoft.Resources/tags", "write", _TAGS, _TAGS),
    ArmCall(OPERATOR, "Microsoft.Web/sites/config", "write", _TAGS),
    ArmCall(OPERATOR, "Microsoft.Insights/autoscaleSettings", "write", _INTERFACE, _TAGS),
)

_ACCOUNT = "Microsoft.Storage/storageAccounts"
_DISK = "Microsoft.Compute/disks"
_SNAPSHOT = "Microsoft.Compute/snapshots"
_ACCESS = {"access": "Read", "durationInSeconds": 86400}
_COPY = {
    "location": "westeurope",
    "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": _id(_DISK)}},
}
_ACCOUNT_SAS = {
    "signedServices": "b",
    "signedResourceTypes": "sco",
    "signedPermission": "rl",
    "signedExpiry": "2026-03-17T00:00:00Z",
    "keyToSign": "key1",
}
_SERVICE_SAS = {
    "canonicalizedResource": "/blob/load-@name@/exports",
    "signedResource": "c",
    "signedPermission": "rl",
    "signedExpiry": "2026-03-17T00:00:00Z",
}
_REPLICATION = {
    "properties": {
        "sourceAccount": _id(_ACCOUNT),
        "destinationAccount": Subscription("vault", _STRANGER).resource("rg", _ACCOUNT, "tailspinload"),
        "rules": [{"sourceContainer": "exports", "destinationContainer": "in"}],
    }
}
_SHARE = {"operationType": "Add", "groups": [{"type": "AADTenants", "ids": [_STRANGER.id]}]}
_DELEGATION = {
    "properties": {
        "registrationDefinitionName": "remote operations",
        "managedByTenantId": _STRANGER.id,
        "authorizations": [
            {
                "principalId": synthetic_guid("object", "tailspin", "operators"),
                "roleDefinitionId": Role.CONTRIBUTOR.definition_id,
            }
        ],
    }
}
_DELEGATED = {"properties": {"registrationDefinitionId": _id("Microsoft.ManagedServices/registrationDefinitions")}}

INTERESTING = (
    ArmCall(OPERATOR, _SNAPSHOT, "write", _COPY, _COPY, accepted=True),
    ArmCall(OPERATOR, _SNAPSHOT, "beginGetAccess/action", _ACCESS, accepted=True),
    ArmCall(OPERATOR, _DISK, "beginGetAccess/action", _ACCESS, accepted=True),
    ArmCall(OPERATOR, _ACCOUNT, "listKeys/action"),
    ArmCall(OPERATOR, _ACCOUNT, "listAccountSas/action", _ACCOUNT_SAS),
    ArmCall(OPERATOR, _ACCOUNT, "listServiceSas/action", _SERVICE_SAS),
    ArmCall(OPERATOR, _ACCOUNT, "write", {"properties": {"networkAcls": {"defaultAction": "Allow"}}}),
    ArmCall(OPERATOR, _ACCOUNT, "write", {"properties": {"allowBlobPublicAccess": True}}),
    ArmCall(OPERATOR, _ACCOUNT, "write", {"properties": {"allowCrossTenantReplication": True}}),
    ArmCall(OPERATOR, f"{_ACCOUNT}/objectReplicationPolicies", "write", _REPLICATION),
    ArmCall(OPERATOR, "Microsoft.Insights/diagnosticSettings", "delete"),
    ArmCall(OPERATOR, "Microsoft.Compute/galleries", "share/action", _SHARE, accepted=True),
    ArmCall(OPERATOR, "Microsoft.ManagedServices/registrationDefinitions", "write", _DELEGATION),
    ArmCall(OPERATOR, "Microsoft.ManagedServices/registrationAssignments", "write", _DELEGATED),
)
