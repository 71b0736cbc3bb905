"""The objects of a Coze document: keys in any case, as its decoder takes them, and a memory of what was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.findings import short


class Fields:
    """One object and where it stands. Who reads a key has dealt with it; `rest` names the others."""

    __slots__ = ("_by_name", "_taken", "path")

    def __init__(self, value: object, path: str) -> None:
        self.path = path
        self._taken: set[str] = set()
        self._by_name: dict[str, tuple[str, Any]] = (
            {str(key).lower(): (str(key), one) for key, one in value.items()} if isinstance(value, Mapping) else {}
        )

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def get(self, name: str) -> Any:
        """The value of a key; None when there is none, or null."""
        name = name.lower()
        self._taken.add(name)
        found = self._by_name.get(name)
        return None if found is None else found[1]

    def inner(self, name: str) -> Fields:
        """The object under a key; one without keys when there is none."""
        return Fields(self.get(name), self.at(name))

    def at(self, name: str | int) -> str:
        """The path of a key."""
        return f"{self.path}.{name}" if self.path else str(name)

    def skip(self, names: Iterable[str]) -> None:
        """These say nothing that matters."""
        self._taken.update(name.lower() for name in names)

    def rest(self) -> Iterator[str]:
        """The keys that nobody asked for and that say something."""
        for name, (key, value) in self._by_name.items():
            if name not in self._taken and value is not None and value != "" and value != [] and value != {}:
                yield key

    def items(self) -> Iterator[tuple[str, Any]]:
        """All keys as they are written."""
        yield from self._by_name.values()


def text_of(value: object) -> str:
    """An id, which may have been written as a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def shown(value: object) -> str:
    """A value as it stands in a sentence."""
    if value is None:
        return "missing"
    return short(repr(value) if not isinstance(value, str) else f'"{value}"')
