"""What ARM calls leave behind for lineage: that one resource came from another, or that something was done to one."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import msgspec
from msgspec import Struct

from grantwatch.model.actor import Actor
from grantwatch.model.resource import resource_of

MOST_TRACES = 224
"""That are kept of those that lead to one resource, of those further back, and of those that lead on."""


class Link(StrEnum):
    """How the target of an edge came from its source."""

    SNAPSHOT = "Snapshot"
    DISK_COPY = "DiskCopy"
    RESTORE_SOURCE = "RestoreSource"
    """What a restore point collection is for; nothing is copied yet."""
    RESTORE_POINT = "RestorePoint"
    RESTORE = "Restore"
    VAULT_RESTORE = "VaultRestore"
    IMAGE = "Image"
    CAPTURE = "Capture"
    GALLERY_VERSION = "GalleryVersion"
    LATEST_VERSION = "LatestVersion"
    """An image definition stands for its versions."""
    FROM_IMAGE = "FromImage"
    IMPORT = "Import"
    ATTACH = "Attach"
    OS_DISK = "OsDisk"
    NETWORK = "Network"
    """A network interface of a machine: carries no data."""
    GROUP = "Group"
    """A resource group whose deletion a machine is to hear of: carries no data, and no call tells of it."""


COPIES = frozenset(
    (
        Link.SNAPSHOT,
        Link.DISK_COPY,
        Link.RESTORE_POINT,
        Link.RESTORE,
        Link.VAULT_RESTORE,
        Link.IMAGE,
        Link.CAPTURE,
        Link.GALLERY_VERSION,
        Link.IMPORT,
    )
)
ATTACHMENTS = frozenset((Link.ATTACH, Link.OS_DISK))


class Deed(StrEnum):
    """What was done to a resource that colours a finding about it."""

    RUN_COMMAND = "RunCommand"
    EXTENSION = "Extension"
    SERIAL_CONSOLE = "SerialConsole"
    NETWORK_OPENED = "NetworkOpened"
    BASTION_LINK = "BastionLink"
    DELETED = "Deleted"


class _Told(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The call behind a trace, and the tenant that owns what it was made on, None where no record said.

    ``holds`` is false while, or once, it has no effect.
    """

    at: datetime
    actor: Actor
    operation: str
    tenant: str | None = None
    holds: bool = True
    salvaged: bool = False


class Edge(_Told, frozen=True, omit_defaults=True, kw_only=True, tag_field="is", tag="edge"):
    """The target came from the source, or has it attached; both are ids as logged, and ``region`` is the target's.

    ``created`` says that the call is known to have made the target.
    """

    source: str
    target: str
    how: Link
    region: str | None = None
    created: bool = False

    @property
    def source_key(self) -> str:
        return resource_of(self.source).key

    @property
    def target_key(self) -> str:
        return resource_of(self.target).key

    @property
    def end_key(self) -> str:
        return self.target_key

    @property
    def kind(self) -> tuple[str, ...]:
        return "edge", self.source_key, self.target_key, self.how


class Touch(_Told, frozen=True, omit_defaults=True, kw_only=True, tag_field="is", tag="touch"):
    """Something was done to one resource."""

    node: str
    what: Deed

    @property
    def node_key(self) -> str:
        return resource_of(self.node).key

    @property
    def end_key(self) -> str:
        """The resource that a trace says something of, as the target of an edge is."""
        return self.node_key

    @property
    def kind(self) -> tuple[str, ...]:
        """What traces that tell the same have in common."""
        return "touch", self.node_key, self.what


Trace = Edge | Touch


def ordered(traces: Iterable[Trace]) -> tuple[Trace, ...]:
    """Each trace once, in order of time and content, however they came."""
    return tuple(sorted(set(traces), key=lambda trace: (trace.at, msgspec.json.encode(trace))))


_MACHINES = frozenset(
    (
        "microsoft.compute/virtualmachines",
        "microsoft.compute/virtualmachinescalesets",
        "microsoft.compute/virtualmachinescalesets/virtualmachines",
    )
)


@lru_cache(maxsize=4096)
def is_machine(key: str) -> bool:
    """Whether a resource is an instance: a virtual machine, a scale set, or a machine of one."""
    return resource_of(key).kind in _MACHINES


@lru_cache(maxsize=4096)
def is_disk(key: str) -> bool:
    """Whether a resource is a volume that a machine can write to."""
    return resource_of(key).kind == "microsoft.compute/disks"
