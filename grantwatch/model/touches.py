"""What was done to machines, their networks and the copies on the way to them."""

from collections.abc import Iterator

from grantwatch.model.bodies import Body
from grantwatch.model.compute_bodies import PublicAddress, ShareableLinks
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.traces import Deed

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

TOUCHING = (*_ON_THE_MACHINE, *_DELETIONS, _ADDRESS_WRITTEN, _LINKS_CREATED)
"""The operations that touch something. Interfaces and rules of firewalls are written too often to be looked at."""

NETWORK_BODIES: tuple[type[Body], ...] = (PublicAddress, ShareableLinks)


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
    else:
        yield from ((interface, Deed.NETWORK_OPENED) for interface in _made_public(operation))


def _machine_of(resource: ResourceId) -> ResourceId:
    """The machine that a command, an extension or a serial port belongs to."""
    levels = (resource, *resource.ancestors())
    return next((each for each in levels if each.kind.rpartition("/")[2].startswith("virtualmachine")), resource)


def _parent(resource: ResourceId) -> ResourceId:
    return next(resource.ancestors(), resource)


def _made_public(operation: Operation) -> Iterator[str]:
    """The network interface that is known to have been given a public address."""
    for body in (operation.response(PublicAddress), operation.request(PublicAddress)):
        given = body.properties and body.properties.ip_configuration
        if given and given.id:
            yield _parent(resource_of(given.id)).text
