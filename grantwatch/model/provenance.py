"""From ARM calls to the traces that they leave: which volume, image or machine came from which."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from grantwatch.model.bodies import Body, DesiredState, DiskResource
from grantwatch.model.compute_bodies import Captured, ComputeResource, DisksToAttach, RestoreRequest, StorageProfile
from grantwatch.model.operation import Operation, bodies_of
from grantwatch.model.origins import READERS, Origin, plain, shared_image
from grantwatch.model.resource import resource_of
from grantwatch.model.severity import Outcome
from grantwatch.model.touches import MENTIONING, NETWORK_BODIES, TOUCHING, touched
from grantwatch.model.traces import Edge, Link, Touch, Trace

OPERATIONS = tuple(dict.fromkeys((*READERS, *TOUCHING)))
"""Every operation that leaves a trace, as Microsoft spells it."""
REQUESTS: tuple[type[Body], ...] = (
    DesiredState,
    DiskResource,
    ComputeResource,
    DisksToAttach,
    RestoreRequest,
    *NETWORK_BODIES,
)
RESPONSES: tuple[type[Body], ...] = (
    DesiredState,
    DiskResource,
    ComputeResource,
    StorageProfile,
    Captured,
    *NETWORK_BODIES,
)

_READERS = {name.lower(): reader for name, reader in READERS.items()}


def traces_of(operation: Operation) -> Iterator[Trace]:
    """Every trace that a call leaves, each once; none of an operation that is not in ``OPERATIONS``."""
    call: dict[str, Any] = {
        "at": operation.decided,
        "actor": operation.actor,
        "operation": operation.name,
        "tenant": operation.tenant or None,
        "holds": operation.took_effect,
        "salvaged": operation.salvaged,
    }
    region = _region(operation)
    read = _READERS.get(operation.name.lower())
    for source, how, target in _distinct(read(operation) if read else ()):
        yield Edge(source=source, target=target, how=how, region=region, created=operation.created, **call)
    # The end of such a call is selected only where it has a body, so a request counts until it is known to fail.
    asked = operation.name in MENTIONING and operation.outcome is Outcome.ATTEMPTED
    for node, what in dict.fromkeys(touched(operation)):
        yield Touch(node=plain(node), what=what, **call | {"holds": asked or operation.took_effect})


def _distinct(origins: Iterable[Origin]) -> Iterator[tuple[str, Link, str]]:
    """Those that name both ends, each once in whatever case."""
    told = set()
    for named, how, made in origins:
        source, target = _node(named), _node(made)
        if source and target:
            origin = resource_of(source).key, how, resource_of(target).key
            if origin not in told:
                told.add(origin)
                yield source, how, target


def _node(name: str | None) -> str | None:
    """What stands for a resource in traces; None for what tells nothing.

    A disk restore point stands for its restore point and the latest version of an image, or any of one that is shared,
    for the image, because the calls that made them name no other; a blob's URL is kept without its query, which can
    hold a signature.
    """
    if not name:
        return None
    name = plain(name)
    if "://" in name:
        try:
            url = urlsplit(name)
        except ValueError:
            return None
        return f"{url.scheme}://{url.hostname}{url.path}" if url.hostname else None
    resource = resource_of(name)
    if shared := shared_image(name):
        return shared
    if resource.kind.endswith("/diskrestorepoints") or resource.key.endswith("/versions/latest"):
        return next(resource.ancestors()).text
    # Images of the marketplace come from nobody's volume.
    return None if "/publishers/" in resource.key else name


def _region(operation: Operation) -> str | None:
    located = next((each.location for each in bodies_of(operation, DesiredState) if each.location), operation.region)
    return "".join(located.lower().split()) if located else None
