"""An ARM call, put together from the Activity records that tell of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from grantwatch.model.actor import Actor
from grantwatch.model.bodies import Body
from grantwatch.model.resource import ResourceId, readability, resource_of
from grantwatch.model.severity import Outcome

B = TypeVar("B", bound=Body)
V = TypeVar("V")


class Phase(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One Activity record of a call, reduced to what rules may rely on.

    ``requests`` and ``responses`` hold the whitelisted bodies by the name of their type. ``salvaged`` marks a record
    cut out of a broken body, where text inside another record can pose as one.
    """

    time: datetime
    outcome: Outcome
    resource: str
    actor: Actor
    status: str | None = None
    requests: dict[str, dict[str, Any]] = {}
    responses: dict[str, dict[str, Any]] = {}
    region: str | None = None
    salvaged: bool = False


class OperationKey(Struct, frozen=True, kw_only=True):
    """What the records of one call share. The correlation id is the caller's choice: several calls may share a key."""

    tenant: str
    correlation_id: str
    name: str
    resource: str


@dataclass(frozen=True)
class Operation:
    """One ARM call with its phases merged, as detectors see it.

    ``name`` is spelled as the catalogue spells it. ``correlation_id`` is shared by all calls of a deployment.
    """

    key: OperationKey
    phases: tuple[Phase, ...]
    """In order of event time; never empty."""
    outcome: Outcome = field(init=False)
    """The greatest one seen."""
    decided: datetime = field(init=False)
    """When that outcome was first recorded."""
    resource: ResourceId = field(init=False)
    """Spelled as the caller spelled it, where any record kept that."""
    actor: Actor = field(init=False)
    """From the phase that says the most about its caller."""

    def __post_init__(self) -> None:
        decisive = max(self.phases, key=_rank)
        put = partial(object.__setattr__, self)
        put("outcome", decisive.outcome)
        put("decided", decisive.time)
        put("resource", resource_of(_best({phase.resource for phase in self.phases}, readability)))
        put("actor", _best({phase.actor for phase in self.phases}, _detail))

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def tenant(self) -> str:
        """The tenant that owns the resource; empty when no record said."""
        return self.key.tenant

    @property
    def correlation_id(self) -> str:
        return self.key.correlation_id

    @property
    def verb(self) -> str:
        """``write``, ``delete`` or the name of the action, in lower case."""
        parts = self.name.lower().split("/")
        return parts[-2] if parts[-1] == "action" else parts[-1]

    @property
    def took_effect(self) -> bool:
        """Accepted or succeeded, and not known to have failed."""
        return self.outcome in (Outcome.ACCEPTED, Outcome.SUCCEEDED)

    @property
    def deletes_its_resource(self) -> bool:
        """Not, say, a connection of the resource, whose deletion is logged under the resource's own id."""
        kind = self.resource.kind.replace(
            "microsoft.resources/resourcegroups", "microsoft.resources/subscriptions/resourcegroups"
        )
        return self.name.lower() == f"{kind}/delete"

    @property
    def started(self) -> datetime:
        return self.phases[0].time

    @property
    def region(self) -> str | None:
        return min((phase.region for phase in self.phases if phase.region), default=None)

    @property
    def created(self) -> bool:
        """The call is known to have made a new resource (HTTP 201)."""
        return any((phase.status or "").lower() == "created" for phase in self.phases)

    @property
    def salvaged(self) -> bool:
        return any(phase.salvaged for phase in self.phases)

    def request(self, kind: type[B]) -> B:
        """What was asked for; an empty body when no record shows it."""
        return self._body(kind, "requests")

    def response(self, kind: type[B]) -> B:
        """What now is; an empty body when no record shows it."""
        return self._body(kind, "responses")

    def has_request(self, kind: type[Body]) -> bool:
        return any(kind.__name__ in phase.requests for phase in self.phases)

    def _body(self, kind: type[B], side: str) -> B:
        bodies = (getattr(phase, side).get(kind.__name__) for phase in self.phases)
        found = next((body for body in bodies if body is not None), None)
        return kind() if found is None else msgspec.convert(found, kind)


def bodies_of(operation: Operation, kind: type[B]) -> tuple[B, B]:
    """Both sides of a call, what now is before what was asked for."""
    return operation.response(kind), operation.request(kind)


def _rank(phase: Phase) -> int:
    return phase.outcome.rank


def _best(values: set[V], key: Callable[[V], Any]) -> V:
    """The greatest; mostly there is only one."""
    return values.pop() if len(values) == 1 else max(values, key=key)


def _detail(actor: Actor) -> tuple[int, str]:
    return sum(bool(getattr(actor, field)) for field in actor.__struct_fields__), repr(actor)
