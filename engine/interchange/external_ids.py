"""What things are called in another system, and what they are here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

from engine.errors import InvalidInput
from engine.findings import listed, short

Kind = Literal["workflow", "model", "plugin", "tool", "knowledge", "database", "field"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ANY: Final = "*"
"""Among the models: whatever has no entry of its own."""


@dataclass(frozen=True, slots=True)
class ExternalIds:
    """Our ids by kind and by the id there. A field is known as `<database>/<field>`, both as they are there.

    In JSON it is an object of objects: `{"model": {"1737521813": "default"}, …}`.
    """

    table: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    @classmethod
    def read(cls, document: object) -> ExternalIds:
        """The table in a JSON document. Raises `InvalidInput` that names what is wrong."""
        if not isinstance(document, Mapping):
            raise InvalidInput("A table of ids is an object: kind → id there → id here.", field="table")
        made: dict[str, dict[str, str]] = {}
        for kind, entries in cast("Mapping[object, object]", document).items():
            if kind not in KINDS:
                message = f'There is no kind "{short(str(kind))}" of ids; there are {listed(KINDS)}.'
                raise InvalidInput(message, field=f"table.{short(str(kind))}")
            pairs = cast("Mapping[object, object]", entries) if isinstance(entries, Mapping) else {None: None}
            texts = {there: here for there, here in pairs.items() if isinstance(there, str) and isinstance(here, str)}
            if len(texts) < len(pairs) or not all(texts.values()):
                message = f"The entries of {kind} are texts: the id there, and the id here."
                raise InvalidInput(message, field=f"table.{kind}")
            if kind == "field" and (lone := next((there for there in texts if "/" not in there), None)) is not None:
                message = "A field is named by its database and itself, with a slash between, as in 7402/101."
                raise InvalidInput(message, field=f"table.field.{short(lone)}")
            made[str(kind)] = texts
        return cls(made)

    def find(self, kind: Kind, there: str) -> str | None:
        """The id here; None when none is known."""
        known = self.table.get(kind)
        if known is None:
            return None
        found = known.get(there)
        return known.get(ANY) if found is None and kind == "model" else found

    def to_json(self) -> dict[str, dict[str, str]]:
        """The JSON form, which `read` takes."""
        return {kind: dict(entries) for kind, entries in self.table.items()}


class Needed:
    """The ids that a document needs, by kind, each with the nodes that need it."""

    def __init__(self) -> None:
        self._found: dict[Kind, dict[str, dict[str, None]]] = {}

    def note(self, kind: Kind, there: str, node: str) -> None:
        """A node needs this."""
        self._found.setdefault(kind, {}).setdefault(there, {})[node] = None

    def __iter__(self) -> Iterator[tuple[Kind, str, tuple[str, ...]]]:
        for kind, ids in self._found.items():
            for there, nodes in ids.items():
                yield kind, there, tuple(nodes)

    def by_kind(self) -> dict[Kind, dict[str, tuple[str, ...]]]:
        """Kind → id there → nodes."""
        made: dict[Kind, dict[str, tuple[str, ...]]] = {}
        for kind, there, nodes in self:
            made.setdefault(kind, {})[there] = nodes
        return made
