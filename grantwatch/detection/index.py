"""Which detectors a record is for, decided from two of its fields.

Ordinary reads and writes are more than 99 % of all records, so this decides what a record costs: one dictionary lookup
by the operation as spelled and, for storage, one by the authentication type. Unknown spellings are folded once and
remembered, up to a bound.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from grantwatch.detection.detector import Detector, Teller
from grantwatch.detection.routes import FOR_NOBODY, OperationRoute, Selection, StorageRoute
from grantwatch.model.bodies import Body
from grantwatch.model.bounded import Bounded
from grantwatch.model.course import Course
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import Operation
from grantwatch.model.secrets import masked
from grantwatch.model.storage_access import Authentication, StorageAccess
from grantwatch.model.volume import Volume

H = TypeVar("H")

_LEARNED_SPELLINGS = 4096
_LONGEST_OPERATION = 512
# A record without an operation is of another family, such as metrics, if it has one of these, else no log record.
_MARKS_OF_A_LOG = ("category", "time", "metricName", "Category", "eventTimestamp", "event_timestamp", "timestamp")

_BODIES = ("requestbody", "responseBody", "requestBody", "responsebody")

# Requests for objects, by far the most. No key is issued by them, so their authorization need not be looked at.
_OBJECT_OPERATIONS = frozenset(
    [
        "appendblock",
        "appendfile",
        "createpathfile",
        "deleteblob",
        "deletefile",
        "deletepath",
        "flushfile",
        "getblob",
        "getblobmetadata",
        "getblobproperties",
        "getblobtags",
        "getfile",
        "getfileproperties",
        "getmessages",
        "getpathstatus",
        "getpathaccesscontrol",
        "insertentity",
        "listblobs",
        "listfilesystemdir",
        "listfilesystemfile",
        "peekmessages",
        "putblob",
        "putblock",
        "putblocklist",
        "putmessage",
        "putpage",
        "putrange",
        "queryentities",
        "queryentity",
        "readfile",
        "renamepathfile",
        "setblobmetadata",
        "setblobproperties",
    ]
)


_ByAuthentication = Bounded[str, StorageRoute | None]


class Index:
    """The way from a record to its detectors, built once from the catalogue."""

    def __init__(self, catalogue: Iterable[Detector]) -> None:
        self.detectors = {detector.name: detector for detector in catalogue}
        self._tellers = _distinct(teller for detector in self.detectors.values() for teller in detector.told_by)
        self._operations: dict[str, list[Detector | Teller]] = {}
        self._endings: dict[str, list[Detector | Teller]] = {}
        self._storage = [d for d in self.detectors.values() if d.on in (StorageAccess, Volume)]
        self.courses = [d for d in self.detectors.values() if d.on is Course]
        self.sharing = _sharing(self._storage)
        self._spelled: dict[str, str] = {}
        listening: list[Detector | Teller] = [
            each for each in self.detectors.values() if each.on in (Operation, Lineage)
        ]
        for each in listening + list(self._tellers):
            for operation in each.operations:
                known = self._endings if operation.startswith("*") else self._operations
                known.setdefault(operation.lower().lstrip("*"), []).append(each)
                self._spelled.setdefault(operation.lower(), operation)
        self._learned: Bounded[str, OperationRoute | _ByAuthentication | None] = Bounded(_LEARNED_SPELLINGS)

    @property
    def body_types(self) -> set[type[Body]]:
        """All types of bodies that some detector or teller reads."""
        read = {kind for detector in self.detectors.values() for kind in (*detector.requests, *detector.responses)}
        return read.union(*(teller.requests for teller in self._tellers))

    @cached_property
    def keepers(self) -> Mapping[Detector, str]:
        """Under which name the requests for a storage detector are kept: that of the first of those that share them."""
        return {detector: name for name, together in self.sharing.items() for detector in together}

    def select(self, records: Sequence[Any]) -> Selection:
        """The records that are for some detector. ``records`` are JSON objects, as dictionaries or lazy views."""
        learned = self._learned
        selection = Selection()
        ordinary = selection.ordinary
        for record in records:
            try:
                route = learned[record["operationName"]]
            except (KeyError, TypeError):
                if not isinstance(record, Mapping):
                    selection.strays.append(record)
                    continue
                operation = _operation_of(record)
                if not operation and record and not any(mark in record for mark in _MARKS_OF_A_LOG):
                    selection.strays.append(record)
                    continue
                route = self._learn(operation)
            if route is None:
                continue
            if isinstance(route, OperationRoute):
                if route is FOR_NOBODY or (route.mentioning is not None and not _mentions(record, route.mentioning)):
                    ordinary.append(record)
                else:
                    selection.chosen.append((route, record))
                continue
            try:
                chosen = route[record["identity"]["type"]]
            except (KeyError, TypeError):
                chosen = self._authenticated(route, record)
            if chosen is not None:
                selection.chosen.append((chosen, record))
        selection.ignored = len(records) - len(selection.chosen) - len(selection.strays)
        return selection

    def route_of(self, name: str) -> OperationRoute | None:
        """Whom a control-plane operation, in any spelling, is for."""
        route = self._learn(name)
        return route if isinstance(route, OperationRoute) else None

    def _operation_route(self, name: str) -> OperationRoute:
        folded = name.lower()
        found = list(self._operations.get(folded, ()))
        for ending, wanting in self._endings.items():
            if folded.endswith(ending):
                found += [each for each in wanting if each not in found]
        if not found:
            return FOR_NOBODY
        detectors = tuple(each for each in found if isinstance(each, Detector))
        return OperationRoute(
            name=self._spelled.get(folded) or masked(folded),
            detectors=tuple(each for each in detectors if each.on is Operation),
            tellers=tuple(each for each in found if isinstance(each, Teller)),
            tracers=tuple(each for each in detectors if each.on is Lineage),
            requests=_distinct(kind for each in found for kind in each.requests),
            responses=_distinct(kind for detector in detectors for kind in detector.responses),
            mentioning=_mentioned(folded, found),
        )

    def _learn(self, operation: str) -> OperationRoute | _ByAuthentication | None:
        if operation in self._learned:
            return self._learned[operation]
        # Storage operations are single words; anything else with blanks or dots belongs to other families.
        by_authentication: _ByAuthentication | None = Bounded(_LEARNED_SPELLINGS) if operation.isalnum() else None
        route = self._operation_route(operation) if "/" in operation else by_authentication
        self._learned[operation] = route
        return route

    def _authenticated(self, route: _ByAuthentication, record: Mapping[str, Any]) -> StorageRoute | None:
        """The storage route of a record whose authentication type was not seen with its operation yet."""
        operation = _operation_of(record).lower()
        identity = record.get("identity")
        spelled = identity.get("type") if isinstance(identity, Mapping) else None
        if identity is None or not isinstance(spelled, str):
            return self._undeclared(operation, record)
        authentication = "".join(spelled.lower().split())
        chosen = self._storage_route(operation, authentication)
        if operation not in _OBJECT_OPERATIONS and authentication == Authentication.OAUTH:
            return _with(chosen, self._issuers(identity))
        route[spelled] = chosen
        return chosen

    def _undeclared(self, operation: str, record: Mapping[str, Any]) -> StorageRoute | None:
        """A storage record that does not say how it was authenticated still shows a SAS in its URL."""
        category = record.get("category")
        if category and "storage" not in str(category).lower():
            return None
        url = record.get("uri")
        signed = isinstance(url, str) and "sig=" in url.lower()
        return self._storage_route(operation, Authentication.SAS if signed else "")

    def _storage_route(self, operation: str, authentication: str) -> StorageRoute | None:
        found = tuple(each for each in self._storage if _wants(each, operation, authentication))
        return StorageRoute(found) if found else None

    def _issuers(self, identity: Mapping[str, Any]) -> tuple[Detector, ...]:
        granted = identity.get("authorization")
        entries = granted if isinstance(granted, Iterable) else ()
        actions = [str(entry.get("action")).lower() for entry in entries if isinstance(entry, Mapping)]
        return tuple(
            detector
            for detector in self._storage
            if detector.authorized_for and any(detector.authorized_for.lower() in action for action in actions)
        )


def _sharing(detectors: Iterable[Detector]) -> Mapping[str, Sequence[Detector]]:
    """Storage detectors with others that tell the same requests apart alike, by the name of the first of them.

    What one of them keeps of a request serves all, so they share an entity where their natural keys are the same.
    """
    sharing: dict[object, list[Detector]] = {}
    for detector in detectors:
        alone = detector.on is Volume or detector.operations or detector.also or detector.authorized_for
        sharing.setdefault(detector if alone else detector.distinct_by, []).append(detector)
    return {together[0].name: together for together in sharing.values()}


def _operation_of(record: Mapping[str, Any]) -> str:
    """The operation in any of the three shapes; empty when there is none."""
    operation = record.get("operationName")
    if operation is None:
        operation = record.get("operation_name")
    if isinstance(operation, Mapping):
        operation = operation.get("value")
    if not isinstance(operation, str) or len(operation) > _LONGEST_OPERATION:
        return ""
    return operation.strip().strip("/")


def _mentioned(operation: str, wanting: Iterable[Detector | Teller]) -> str | None:
    """What a record of an operation must mention, if that is the same for all who want it."""
    texts = {
        next((text.lower() for name, text in each.mentioning.items() if name.lower() == operation), None)
        if isinstance(each, Detector)
        else None
        for each in wanting
    }
    return texts.pop() if len(texts) == 1 else None


def _mentions(record: Mapping[str, Any], text: str) -> bool:
    """Whether a body holds a text. Looking for it is cheaper than reading the body; a body that is no text is read."""
    try:
        property_of = record["properties"].get
    except (KeyError, AttributeError):
        return True
    for name in _BODIES:
        body = property_of(name)
        if body is not None and (not isinstance(body, str) or text in body.lower()):
            return True
    return False


def _wants(detector: Detector, operation: str, authentication: str) -> bool:
    if operation in map(str.lower, detector.also):
        return True
    if detector.on is Volume:  # what else was done with a SAS belongs to its day of use
        return authentication in (detector.authentications or ())
    if detector.operations and operation not in map(str.lower, detector.operations):
        return False
    return authentication in detector.authentications if detector.authentications else bool(detector.operations)


def _with(route: StorageRoute | None, more: tuple[Detector, ...]) -> StorageRoute | None:
    known = route.detectors if route else ()
    joined = known + tuple(detector for detector in more if detector not in known)
    return StorageRoute(joined) if joined else None


def _distinct(values: Iterable[H]) -> tuple[H, ...]:
    return tuple(dict.fromkeys(values))
