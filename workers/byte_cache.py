"""Bytes by a key that tells their content, kept in memory: the most recently used, up to a total size."""

from __future__ import annotations

from collections import OrderedDict


class ByteCache:
    """What is larger than the whole cache is not kept."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: str, data: bytes) -> None:
        if key in self._kept or len(data) > self._capacity:
            return
        self._kept[key] = data
        self._used += len(data)
        while self._used > self._capacity:
            _, dropped = self._kept.popitem(last=False)
            self._used -= len(dropped)
