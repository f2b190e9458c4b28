"""What was done to machines, their networks and the copies on the way to them."""

from collections.abc import Iterator

from grantwatch.model.bodies import Body
from grantwatch.model.compute_bodies import NetworkProperties, NetworkResource, ShareableLinks
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.traces import Deed

INTERFACE_WRITTEN = "Microsoft.Network/networkInterfaces/write"
_RULE_WRITTEN = "Microsoft.Network/networkSecurityGroups/securityRules/write"
_ADDRESS_WRITTEN = "Microsoft.Network/publicIPAddresses/write"
_LINKS_CREATED = "Microsoft.Network/bastionHosts/createShareableLinks/action"

_ON_THE_MACHINE = {
    "Microsoft.Compute/virtualMachines/runCommand/action": Deed.RUN_COMMAND,
    "Microsoft.Compute/virtualMachines/runCommands/write": Deed.RUN_COMMAND,
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action": Deed.RUN_COMMAND,
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommands/write": Deed.RUN_COMMAND,
    "Microsoft.Compute/virtualMachines/extensions/write": Deed.EXTENSION,
    "Microsoft.Compute/virtualMachineScaleSets/extensions/write": Deed.EXTENSION,
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions/write": Deed.EXTENSION,
    "Microsoft.SerialConsole/serialPorts/connect/action": Deed.SERIAL_CONSOLE,
}
_DELETIONS = (
    "Microsoft.Compute/snapshots/delete",
    "Microsoft.Compute/disks/delete",
    "Microsoft.Compute/restorePointCollections/delete",
    "Microsoft.Compute/restorePointCollections/restorePoints/delete",
    "Microsoft.Compute/images/delete",
    "Microsoft.Compute/galleries/images/versions/delete",
    "Microsoft.Compute/virtualMachines/delete",
    "Microsoft.Compute/virtualMachineScaleSets/delete",
)
_DEEDS = {name.lower(): deed for name, deed in _ON_THE_MACHINE.items()}
_DELETED = frozenset(map(str.lower, _DELETIONS))

TOUCHING = (*_ON_THE_MACHINE, *_DELETIONS, INTERFACE_WRITTEN, _RULE_WRITTEN, _ADDRESS_WRITTEN, _LINKS_CREATED)
"""The operations that touch something."""

NETWORK_BODIES: tuple[type[Body], ...] = (NetworkResource, ShareableLinks)


def touched(operation: Operation) -> Iterator[tuple[str, Deed]]:
    """What a call was done to, and what it was."""
    name = operation.name.lower()
    if name in _DEEDS:
        yield _machine_of(operation.resource).text, _DEEDS[name]
    elif name in _DELETED:
        yield operation.resource.text, Deed.DELETED
    elif name == _RULE_WRITTEN.lower():
        if _lets_in(operation):
            yield _parent(operation.resource).text, Deed.NETWORK_OPENED
    elif name == _LINKS_CREATED.lower():
        linked = (each.vm.id for each in operation.request(ShareableLinks).vms or () if each.vm)
        yield from ((machine, Deed.BASTION_LINK) for machine in linked if machine)
    else:
        yield from ((interface, Deed.NETWORK_OPENED) for interface in _made_public(operation))


def network_of(operation: Operation) -> Iterator[NetworkProperties]:
    """What is known of the network resource that a call wrote."""
    for body in (operation.response(NetworkResource), operation.request(NetworkResource)):
        yield body.properties or NetworkProperties()


def _machine_of(resource: ResourceId) -> ResourceId:
    """The machine that a command, an extension or a serial port belongs to."""
    levels = (resource, *resource.ancestors())
    return next((each for each in levels if each.kind.rpartition("/")[2].startswith("virtualmachine")), resource)


def _parent(resource: ResourceId) -> ResourceId:
    return next(resource.ancestors(), resource)


def _lets_in(operation: Operation) -> bool:
    """Whether a rule allows traffic in, as far as it is known not to."""
    rules = [rule for rule in network_of(operation) if rule.access or rule.direction]
    return all(
        (rule.access or "allow").lower() == "allow" and (rule.direction or "inbound").lower() == "inbound"
        for rule in rules
    )


def _made_public(operation: Operation) -> Iterator[str]:
    """The network interfaces that are known to have a public address."""
    name = operation.name.lower()
    for network in network_of(operation):
        addresses = (each.properties.public_ip_address for each in network.ip_configurations or () if each.properties)
        if name == INTERFACE_WRITTEN.lower() and any(addresses):
            yield operation.resource.text
        given = network.ip_configuration.id if network.ip_configuration else None
        if name == _ADDRESS_WRITTEN.lower() and given:
            yield _parent(resource_of(given)).text
