"""Rows as this engine last wrote them, so that to change one again costs one swap and no reading.

Where another engine wrote meanwhile, or the row was forgotten here, the swap is lost, and the row read and changed
again.
"""

from collections.abc import Callable, Iterable, Sequence

from grantwatch.errors import StateConflictError
from grantwatch.model.bounded import Recent
from grantwatch.ports import Row, RowKey, StateStore

Change = Callable[[RowKey, bytes | None], bytes]
"""What is to stand in a row in place of what stands there; None in that of no row."""

_WEIGHT_OF_A_ROW = 512
"""Roughly what a remembered row takes beside its content, in bytes."""
_MOST_ROUNDS = 24


class RememberedRows:
    """Some rows of a store. ``most`` is how many bytes of them are remembered."""

    def __init__(self, store: StateStore, most: int) -> None:
        self._store = store
        self._remembered: Recent[RowKey, Row] = Recent(most, _weight)

    def change(self, addresses: Iterable[RowKey], change: Change) -> None:
        """Change rows until nobody comes between. What is changed to what it is already costs nothing.

        ``change`` is asked once more whenever a swap was lost, and the last that it was asked holds. Raises
        StateConflictError when other writers keep winning.
        """
        known = {address: self._remembered.get(address) for address in addresses}
        for _ in range(_MOST_ROUNDS):
            rows = []
            for address, row in known.items():
                content = change(address, row.content if row else None)
                if row is None or content != row.content:
                    rows.append(Row(*address, content, row.version if row else None))
            known = self._replace(rows) if rows else {}
            if not known:
                return
        raise StateConflictError(f"{len(known)} rows kept changing under other writers")

    def _replace(self, rows: Sequence[Row]) -> dict[RowKey, Row | None]:
        """Swap rows and remember them as they now are; returns what stands in place of those that lost."""
        versions = self._store.replace(rows)
        lost = [row.key for row in rows if row.key not in versions]
        found = self._store.read(lost) if lost else {}
        for row in rows:
            version = versions.get(row.key)
            known = Row(row.partition, row.name, row.content, version) if version else found.get(row.key)
            self._remembered.set(row.key, known)
        return {address: found.get(address) for address in lost}


def _weight(row: Row) -> int:
    return len(row.content) + _WEIGHT_OF_A_ROW
