"""When subscriptions began: the earliest event of each, also where that is no call that anybody looks at.

Calls that are remembered say it of themselves, beside what they saw. Of all other records only this is kept, in the
same rows: the subscription is then the one that was first. Whoever stores an earlier beginning judges those again who
seemed to be in training. Should it die before, the same record is delivered again, finds its own time in the row, and
does so then.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

from msgspec import Struct, field

from grantwatch.errors import StateConflictError
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey
from grantwatch.memory.firsts import NAME, First, Span, changed, first_in, joined
from grantwatch.memory.trainees import graduates, trainees_of
from grantwatch.model.bounded import Bounded
from grantwatch.model.operation import OperationKey
from grantwatch.ports import Row, RowKey, StateStore

Subscription = tuple[str, str]
"""Its owner tenant, and its id, empty for what lies in none."""

_REMEMBERED = 65_536
_MOST_ROUNDS = 24


@lru_cache(maxsize=4096)
def beginning_of(tenant: str, subscription: str) -> RowKey:
    """Where the earliest event of a subscription stands."""
    return digest(("training", tenant, subscription)), NAME


class Began(Struct):
    """What is stored of some subscriptions, and who has to be judged again because of that."""

    spans: dict[Subscription, Span] = field(default_factory=dict)
    graduates: set[EntityKey] = field(default_factory=set)


class Beginnings:
    """The beginnings that one engine knows of, over one state store."""

    def __init__(self, store: StateStore, training: timedelta) -> None:
        self._store = store
        self._training = training
        self._known: Bounded[Subscription, Span] = Bounded(_REMEMBERED)

    def note(self, seen: Mapping[Subscription, Span]) -> Began:
        """Store what is news in these times of events.

        Costs nothing where a subscription is known to have begun before, but once a day, to keep its row from expiring.
        Raises StateConflictError when other writers keep winning.
        """
        began = Began()
        pending: dict[Subscription, Span] = {}
        for subscription, span in seen.items():
            known = self._known.get(subscription)
            if known is not None and known.covers(span):
                began.spans[subscription] = known
            else:
                pending[subscription] = span
        for _ in range(_MOST_ROUNDS):
            if not pending:
                return began
            pending = self._offer(pending, began)
        raise StateConflictError(f"the beginnings of {len(pending)} subscriptions kept changing under other writers")

    def settle(self, began: Began) -> None:
        """Everything that comes of it is stored and published."""
        for subscription, span in began.spans.items():
            self._known[subscription] = span

    def _offer(self, pending: Mapping[Subscription, Span], began: Began) -> dict[Subscription, Span]:
        """One round; returns what was lost to other writers."""
        addresses = {subscription: beginning_of(*subscription) for subscription in pending}
        rows = self._store.read(list(addresses.values()))
        firsts = {
            subscription: _first(subscription, span, rows.get(addresses[subscription]))
            for subscription, span in pending.items()
        }
        swapped = changed({addresses[subscription]: first for subscription, first in firsts.items()}, rows)
        lost = set(self._store.swap(swapped)) if swapped else set()
        begins = {}
        for subscription, first in firsts.items():
            if addresses[subscription] not in lost:
                began.spans[subscription] = first.span
                if addresses[subscription] in rows and first.at == pending[subscription].earliest:
                    begins[trainees_of(*subscription)] = first.at
        if begins:
            began.graduates |= graduates(self._store.scan(sorted(begins)), begins, self._training)
        return {subscription: span for subscription, span in pending.items() if addresses[subscription] in lost}


def _first(subscription: Subscription, span: Span, row: Row | None) -> First:
    """Who was first in a subscription: those in the row, or all of whom nothing else is remembered."""
    tenant, named = subscription
    nobody = OperationKey(tenant=tenant, correlation_id="", name="", resource=f"/subscriptions/{named}")
    mine, stored = First.by(nobody, span), first_in(row) if row else None
    return stored if stored and stored.span.covers(span) else joined(stored or mine, mine, stored)
