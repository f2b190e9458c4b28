"""What was done to machines, their networks and the copies on the way to them."""

from collections.abc import Iterator

from grantwatch.model.bodies import Body
from grantwatch.model.compute_bodies import ComputeProperties, ComputeResource, Interface, PublicAddress, ShareableLinks
from grantwatch.model.operation import Operation, bodies_of
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.traces import Deed

_ADDRESS_WRITTEN = "Microsoft.Network/publicIPAddresses/write"
_INTERFACE_WRITTEN = "Microsoft.Network/networkInterfaces/write"
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
    "Microsoft.Resources/subscriptions/resourceGroups/delete",
)
_MACHINE_WRITTEN = (
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachineScaleSets/write",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write",
)
_DEEDS = {name.lower(): deed for name, deed in _ON_THE_MACHINE.items()}
_DELETED = frozenset(map(str.lower, _DELETIONS))

_OPENED = frozenset(map(str.lower, _MACHINE_WRITTEN))

TOUCHING = (*_ON_THE_MACHINE, *_DELETIONS, *_MACHINE_WRITTEN, _ADDRESS_WRITTEN, _INTERFACE_WRITTEN, _LINKS_CREATED)
"""The operations that touch something. Rules of firewalls are written too often to be looked at."""

MENTIONING = {_INTERFACE_WRITTEN: "publicIPAddress"}
"""Interfaces are written all day, and matter where a body names a public address."""

NETWORK_BODIES: tuple[type[Body], ...] = (PublicAddress, Interface, ShareableLinks)


def touched(operation: Operation) -> Iterator[tuple[str, Deed]]:
    """What a call was done to, and what it was."""
    name = operation.name.lower()
    if name in _DEEDS:
        yield _machine_of(operation.resource).text, _DEEDS[name]
    elif name in _DELETED:
        yield operation.resource.text, Deed.DELETED
    elif name == _LINKS_CREATED.lower():
        linked = (each.vm.id for each in operation.request(ShareableLinks).vms or () if each.vm)
        yield from ((machine, Deed.BASTION_LINK) for machine in linked if machine)
    elif name in _OPENED:
        if any(map(_is_public, bodies_of(operation, ComputeResource))):
            yield operation.resource.text, Deed.NETWORK_OPENED
    elif name == _INTERFACE_WRITTEN.lower():
        if any(body.is_public for body in bodies_of(operation, Interface)):
            yield operation.resource.text, Deed.NETWORK_OPENED
    elif name == _ADDRESS_WRITTEN.lower():
        yield from ((interface, Deed.NETWORK_OPENED) for interface in _made_public(operation))


def _machine_of(resource: ResourceId) -> ResourceId:
    """The machine that a command, an extension or a serial port belongs to."""
    levels = (resource, *resource.ancestors())
    return next((each for each in levels if each.kind.rpartition("/")[2].startswith("virtualmachine")), resource)


def _parent(resource: ResourceId) -> ResourceId:
    return next(resource.ancestors(), resource)


def _is_public(machine: ComputeResource) -> bool:
    """Whether a machine, or those of a scale set, are made with public addresses."""
    properties = machine.properties or ComputeProperties()
    profiles = [each.network_profile for each in (properties, properties.virtual_machine_profile) if each]
    made = [interface for each in profiles if each for interface in each.network_interface_configurations or ()]
    return any(interface.is_public for interface in made)


def _made_public(operation: Operation) -> Iterator[str]:
    """The network interface that is known to have been given a public address."""
    for body in bodies_of(operation, PublicAddress):
        given = body.properties and body.properties.ip_configuration
        if given and given.id:
            yield _parent(resource_of(given.id)).text
