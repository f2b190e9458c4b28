"""Where records go: whom those of one operation are for, as the index has learned it."""

from typing import Any

from msgspec import Struct, field

from grantwatch.detection.detector import Detector, Teller
from grantwatch.model.bodies import Body


class OperationRoute(Struct, frozen=True):
    """A selected control-plane operation: its one spelling, whom it is for, and the bodies they read."""

    name: str
    detectors: tuple[Detector, ...]
    tellers: tuple[Teller, ...]
    tracers: tuple[Detector, ...]
    """Those of lineage, which gather traces."""
    requests: tuple[type[Body], ...]
    responses: tuple[type[Body], ...]
    mentioning: str | None = None
    """What a body must mention, in lower case, because nobody wants other records of a frequent operation."""


class StorageRoute(Struct, frozen=True):
    """Storage requests of one operation and authentication type, and the detectors they are for."""

    detectors: tuple[Detector, ...]


Route = OperationRoute | StorageRoute

FOR_NOBODY = OperationRoute("", (), (), (), (), ())
"""Where all operations of the control plane go that nobody wants; records of other families that nobody wants have no
route at all, so that it costs these nothing to be told apart."""


class Selection(Struct):
    """What became of the records of one body: chosen with their routes, ignored, or strays that are no objects.

    Of those that are ignored, ``ordinary`` are of the control plane, as the names of their operations say.
    """

    chosen: list[tuple[Route, Any]] = field(default_factory=list)
    ignored: int = 0
    ordinary: list[Any] = field(default_factory=list)
    strays: list[Any] = field(default_factory=list)
