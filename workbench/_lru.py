"""What was used last is kept, within a limit: the only such store here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRU(Generic[K, V]):
    """Values by key, the least recently used of which go first; any thread may ask and add.

    Parameters
    ----------
    limit : int
        What the sizes of all values may sum up to.
    size : callable, optional
        Gives the size of a value, in the unit of `limit` (bytes, as a rule); by default every value counts as one. Each
        value is measured once, when it is added.
    """

    def __init__(self, limit: int, size: Callable[[V], int] | None = None) -> None:
        self._limit, self._size = limit, size
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value of `key`, which has been used now, or None."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def put(self, key: K, value: V) -> None:
        """Keep `value`, in place of an earlier one of that key; a value larger than the limit is not kept."""
        size = 1 if self._size is None else self._size(value)
        with self._lock:
            if key in self._held:
                self._total -= self._held.pop(key)[1]
            if size > self._limit:
                return
            self._held[key] = (value, size)
            self._total += size
            while self._total > self._limit:
                self._total -= self._held.popitem(last=False)[1][1]

    def __reduce__(self) -> tuple[type[LRU[K, V]], tuple[int, Callable[[V], int] | None]]:
        # a copy, as for another process, begins empty: locks do not travel, and what is kept can be made again
        return LRU, (self._limit, self._size)

    def __len__(self) -> int:
        return len(self._held)
