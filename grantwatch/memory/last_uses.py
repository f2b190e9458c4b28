"""When grants were last used: noted hour by hour, without judging again what holds anyway.

A grant that nobody is known to have ended stays open, whenever it was used since. So its row is swapped and nothing
else done. Whoever ends it meanwhile either finds the use in the row, or is found there.
"""

from collections.abc import Iterable, Mapping

from grantwatch.memory.entities import EntityKey, Published, address_of_entity, restored, stored
from grantwatch.memory.facts import LAST_USE, LastUse
from grantwatch.model.grant import GrantStatus
from grantwatch.ports import StateStore


def note(store: StateStore, uses: Mapping[EntityKey, LastUse]) -> set[EntityKey]:
    """Store when entities that are known were last used; returns those that have to be judged for it."""
    if not uses:
        return set()
    rows = store.read([address_of_entity(key) for key in uses])
    found = [restored(key, rows.get(address_of_entity(key))) for key in uses]
    judged = {entity.key for entity in found if entity.row is None or _has_ended(entity.findings.values())}
    changed = []
    for entity in found:
        if entity.key not in judged and uses[entity.key].tells_more_than(entity.last_use):
            entity.join({LAST_USE: uses[entity.key]})
            changed.append(stored(entity))
    lost = set(store.swap(changed)) if changed else set()
    return judged | {key for key in uses if address_of_entity(key) in lost}


def _has_ended(findings: Iterable[Published]) -> bool:
    return any(each.status == GrantStatus.REVOKED for each in findings)
