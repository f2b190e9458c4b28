"""Caches that cannot grow without end."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dictionary that forgets everything when it would hold more than ``most``: for what can be found again."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self._most and key not in self:
            self.clear()
        super().__setitem__(key, value)


class Recent(Generic[K, V]):
    """A cache of bounded weight: what was set longest ago is forgotten first. Safe to share between threads."""

    def __init__(self, most: int, weight: Callable[[V], int]) -> None:
        self._most = most
        self._weight = weight
        self._held: dict[K, V] = {}
        self._total = 0
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        return self._held.get(key)

    def set(self, key: K, value: V | None) -> None:
        """Remember it as the latest; None to forget it."""
        with self._lock:
            self._forget(key)
            if value is None:
                return
            self._held[key] = value
            self._total += self._weight(value)
            while self._total > self._most:
                self._forget(next(iter(self._held)))

    def _forget(self, key: K) -> None:
        known = self._held.pop(key, None)
        if known is not None:
            self._total -= self._weight(known)
