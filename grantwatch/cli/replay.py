"""Running recorded logs through the engine."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink
from grantwatch.adapters.local_store import LocalStore
from grantwatch.cli.sources import Unreadable, bodies_in, expanded, reason_of
from grantwatch.cli.tee import Tee
from grantwatch.engine import Engine
from grantwatch.errors import NothingReadError
from grantwatch.model.finding import TABLE, Finding
from grantwatch.ports import Parked
from grantwatch.settings import Settings
from grantwatch.tally import Tally

_BODIES_A_BATCH = 64
_OF_CALLS, _OF_STORAGE = "AzureActivity", "StorageLog"


@dataclass(slots=True)
class Replay:
    """What a replay came to. ``faults`` are sentences about what could not be read, ``advice`` one on what to do."""

    findings: list[Finding] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    faults: list[str] = field(default_factory=list)
    advice: str | None = None


def replay(names: Sequence[str], store: LocalStore, settings: Settings, on_read: Callable[[int], None]) -> Replay:
    """Run the logs in these files, directories or ``-`` through an engine on that store, all files that can be read.

    ``on_read`` is told how many bytes were read. Raises NothingReadError where no record could be had from any of them.
    """
    published, parking, outcome = MemorySink(), MemoryParking(), Replay()
    engine = local.engine(store=store.state, sink=Tee(store, published), parking=parking, settings=settings)
    for name in expanded(names):
        if isinstance(name, Unreadable):
            outcome.faults.append(str(name))
            continue
        parking.items.clear()
        tally, failure = _run(engine, bodies_in(name, on_read))
        outcome.tally += tally
        fault = _fault(name, tally, failure, parking.items)
        if fault:
            outcome.faults.append(fault)
    if outcome.tally.rejected == outcome.tally.records:
        raise NothingReadError("\n".join(outcome.faults))
    outcome.tally += engine.sweep()
    outcome.findings = published.current()
    outcome.advice = None if settings.owner_tenant_id else _on_the_owner_tenant(store)
    return outcome


def _on_the_owner_tenant(store: LocalStore) -> str | None:
    """What to do where findings of storage, without a tenant, stand beside findings of calls, which name theirs."""
    _, rows = store.query(f"{TABLE} | summarize Rows = count() by SourceLog, OwnerTenantId")
    owners = {owner for source, owner, _ in rows if source == _OF_CALLS and owner}
    if not owners or not any(source == _OF_STORAGE and owner is None for source, owner, _ in rows):
        return None
    tenant = owners.pop() if len(owners) == 1 else "GUID"
    return (
        "Storage records name no tenant, so nothing relates them to the Activity records of tenant "
        f"{tenant}: replay them together into a new store with --owner-tenant {tenant} "
        f"(or {Settings.variable_of('owner_tenant_id')})."
    )


def _run(engine: Engine, bodies: Iterator[bytes]) -> tuple[Tally, Exception | None]:
    """Process as much as can be read; what broke the reading comes back beside the tally."""
    tally = Tally()
    failure: Exception | None = None
    while True:
        batch: list[bytes] = []
        try:
            batch.extend(islice(bodies, _BODIES_A_BATCH))
        except (OSError, EOFError, ValueError) as error:
            failure = error
        except Exception as error:  # zlib.error is an Exception and no OSError
            if type(error).__module__ != "zlib":
                raise
            failure = error
        if batch:
            tally += engine.process(batch)
        if failure or len(batch) < _BODIES_A_BATCH:
            return tally, failure


def _fault(name: str, tally: Tally, failure: Exception | None, parked: Iterable[Parked]) -> str | None:
    """One sentence on what of a source could not be used."""
    if failure is not None and not tally.records:
        return str(Unreadable(name, reason_of(failure)))
    if not tally.records:
        return str(Unreadable(name, "the file is empty"))
    reasons = Counter(f"{item.detector}: {item.reason}" if item.detector else item.reason for item in parked)
    listed = "; ".join(f"{count} × {reason}" if count > 1 else reason for reason, count in reasons.most_common(5))
    if tally.rejected == tally.records:
        return str(Unreadable(name, f"it holds no log records ({listed})"))
    if failure is not None:
        return f"{name}: read in part, because {reason_of(failure)}."
    return f"{name}: {tally.rejected:,} of {tally.records:,} records could not be read ({listed})." if listed else None
