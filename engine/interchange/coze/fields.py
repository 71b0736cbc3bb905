"""The objects of a Coze document: keys in any case, as its decoder takes them, and a memory of what was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from engine.findings import short

_USUAL: Final = frozenset(
    {
        "assistType", "blockID", "blocks", "condition", "conditions", "content", "data", "defaultValue", "description",
        "edges", "icon", "id", "input", "inputParameters", "inputs", "left", "logic", "mainColor", "meta", "name",
        "nodeMeta", "operator", "outputs", "path", "rawMeta", "readOnly", "required", "right", "schema", "source",
        "sourceNodeID", "sourcePortID", "subTitle", "targetNodeID", "targetPortID", "title", "type", "value", "version",
    }
)  # fmt: skip
"""Keys as they are nearly always written: where an object has no others, nothing in it is written otherwise."""
_NOTHING: Final[Mapping[str, Any]] = {}


class Fields:
    """One object and where it stands. Who reads a key has dealt with it; `rest` names the others."""

    __slots__ = ("_folded", "_raw", "_skipped", "_taken", "path")

    def __init__(self, value: object, path: str) -> None:
        self.path = path
        self._raw: Mapping[str, Any] = value if isinstance(value, dict) else _NOTHING
        self._taken: set[str] = set()
        self._skipped: tuple[Iterable[str], ...] = ()
        self._folded: dict[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self._raw)

    def __contains__(self, name: str) -> bool:
        return self._key(name) in self._raw

    def get(self, name: str) -> Any:
        """The value of a key; None when there is none, or null."""
        raw = self._raw
        if name not in raw:
            name = self._key(name)
            if name not in raw:
                return None
        self._taken.add(name)
        return raw[name]

    def inner(self, name: str) -> Fields:
        """The object under a key; one without keys when there is none."""
        return Fields(self.get(name), self.at(name))

    def at(self, name: str | int) -> str:
        """The path of a key."""
        return f"{self.path}.{name}" if self.path else str(name)

    def skip(self, names: Iterable[str]) -> None:
        """These say nothing that matters."""
        self._skipped = (*self._skipped, names)

    def rest(self) -> Iterator[str]:
        """The keys that nobody asked for and that say something."""
        if len(self._taken) == len(self._raw):
            return
        left = self._raw.keys() - self._taken
        skipped = {name.lower() for names in self._skipped for name in names}
        for key in self._raw:
            if key in left and str(key).lower() not in skipped:
                value = self._raw[key]
                if value is not None and value != "" and value != [] and value != {}:
                    yield key

    @property
    def done(self) -> bool:
        """Whether every key was asked for."""
        return len(self._taken) == len(self._raw)

    def items(self) -> Iterator[tuple[str, Any]]:
        """All keys as they are written."""
        yield from self._raw.items()

    def _key(self, name: str) -> str:
        """How a key is written here; as it is asked for when it is not there."""
        if name in self._raw or _USUAL.issuperset(self._raw):
            return name
        if self._folded is None:
            self._folded = {str(key).lower(): key for key in self._raw}
        return self._folded.get(name.lower(), name)


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
