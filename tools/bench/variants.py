"""The ways through the same bodies that are compared, each made anew for every repeat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from detectors.catalogue import CATALOGUE
from grantwatch.adapters.in_memory import MemorySink
from grantwatch.judgement.rendering import finding_id
from grantwatch.local import engine
from grantwatch.model.course import Course
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.operation import OperationKey
from grantwatch.model.volume import Volume
from tools.bench.decoding import ActivityEnvelope, StorageEnvelope
from tools.bench.hand_written import Hit, Network, Taken, activity_hits, storage_hits
from tools.bench.workload import Family

BATCH = 64
"""Bodies that the engine is given at a time, as the Event Hubs trigger of a function app does."""

_DETECTORS = {detector.name: detector for detector in CATALOGUE}


@dataclass(frozen=True)
class Answer:
    """What a variant made of a load: records read and ids of findings, None where it looks for none."""

    records: int
    findings: frozenset[str] | None


class Run(Protocol):
    """One passage through a load."""

    def take(self, bodies: Sequence[bytes]) -> None:
        """The work that is timed."""

    def answer(self) -> Answer:
        """What came of it."""


class Decode:
    """Merely decodes every body into structs of the fields that rules rely on."""

    def __init__(self, family: Family) -> None:
        envelope: Any = ActivityEnvelope if family is Family.ACTIVITY else StorageEnvelope
        self._decode = msgspec.json.Decoder(envelope).decode
        self._records = 0

    def take(self, bodies: Sequence[bytes]) -> None:
        decode = self._decode
        self._records = sum(len(decode(body).records) for body in bodies)

    def answer(self) -> Answer:
        return Answer(self._records, None)


class HandWritten:
    """`json.loads` and `if`."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._hits: set[Hit] = set()
        self._records = 0

    def take(self, bodies: Sequence[bytes]) -> None:
        hits = self._hits
        if self._family is Family.ACTIVITY:
            settings: dict[tuple[str, str], tuple[str, str]] = {}
            self._records = sum(activity_hits(body, hits, settings) for body in bodies)
        else:
            networks: dict[tuple[str, str], Network] = {}
            taken: Taken = {}
            self._records = sum(storage_hits(body, hits, networks, taken) for body in bodies)

    def answer(self) -> Answer:
        return Answer(self._records, frozenset(map(self._finding_id, self._hits)))

    def _finding_id(self, hit: Hit) -> str:
        name, tenant, natural = hit
        if self._family is not Family.ACTIVITY:
            return finding_id(_DETECTORS[name], GatheringKey(tenant=tenant, detector=name, natural=natural))
        correlation_id, operation, resource = natural
        key = OperationKey(tenant=tenant, correlation_id=correlation_id, name=operation, resource=resource)
        return finding_id(_DETECTORS[name], key)


class WholeEngine:
    """GrantWatch from bytes to findings, with everything in memory."""

    def __init__(self, family: Family) -> None:
        self._sink = MemorySink()
        self._engine = engine(sink=self._sink)
        self._records = 0

    def take(self, bodies: Sequence[bytes]) -> None:
        for start in range(0, len(bodies), BATCH):
            self._records += self._engine.process(bodies[start : start + BATCH]).records
        self._engine.sweep()

    def answer(self) -> Answer:
        """Without findings made of findings, and of volumes, which the hand-written function does not look for."""
        found = (each for each in self._sink.current() if _DETECTORS[each.Detector].on not in (Course, Volume))
        return Answer(self._records, frozenset(finding.FindingId for finding in found))


DECODE, HAND_WRITTEN, ENGINE = "decode", "hand-written", "engine"

VARIANTS: dict[str, Callable[[Family], Run]] = {DECODE: Decode, HAND_WRITTEN: HandWritten, ENGINE: WholeEngine}
