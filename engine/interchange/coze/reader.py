"""One node of a Coze document while it is being translated: its fields, what it can see, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from engine.canvas import JsonSchema
from engine.findings import short
from engine.interchange.coze.document import InnerJson
from engine.interchange.coze.fields import Fields
from engine.interchange.coze.notes import NOT_KEPT, Notes
from engine.interchange.coze.places import Place, Places
from engine.interchange.coze.schemas import Types
from engine.interchange.external_ids import ExternalIds, Kind, Needed
from engine.limits import Limits
from engine.values import Json

Number = TypeVar("Number", int, float)
Expr = dict[str, Any]
"""An expression of our canvas, as JSON."""
UNSET: Final[Expr] = {"ref": [""]}
"""Stands where something must be and is not: a draft may hold it, and validation names it."""
SOURCE: Final = "coze"


@dataclass
class Made:
    """What becomes of a node: the parts of our node's `data` that its type decides about."""

    type: str
    inputs: dict[str, Expr] = field(default_factory=dict[str, Expr])
    types: dict[str, JsonSchema] = field(default_factory=dict[str, JsonSchema])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    outputs: JsonSchema | None = None
    results: dict[str, Expr] = field(default_factory=dict[str, Expr])


@dataclass(frozen=True)
class Surroundings:
    """What all nodes of a document share."""

    places: Places
    ids: ExternalIds
    needed: Needed
    notes: Notes
    limits: Limits
    inner: InnerJson
    ports: Mapping[str, tuple[str, ...]]
    """Per node (its id there) the ports that lines leave by."""


class Reader:
    """One node."""

    def __init__(self, place: Place, around: Surroundings, owner: Place | None = None) -> None:
        self.place, self.around = place, around
        self.owner = owner if owner is not None else place.owner
        """The composite whose turns the node's inputs belong to."""
        self.node = Fields(place.raw, place.path)
        self.data = Fields(self.node.get("data"), "data")
        self.inputs = self.data.inner("inputs")
        self.types = Types(around.notes, place)
        self.declared: JsonSchema = {"type": "object", "properties": {}}
        """The outputs as the document declares them; filled in before the node's type is looked at."""

    @property
    def outputs(self) -> dict[str, Any]:
        """The declared outputs by name."""
        found: Any = self.declared["properties"]
        return found  # type: ignore[no-any-return]

    def error(self, code: str, message: str, field: str = "", **facts: Json) -> None:
        """Something is wrong with this node."""
        say = self.around.notes.warning if self.place.isolated else self.around.notes.error
        say(code, message, self.place.id, field, **facts)

    def warning(self, code: str, message: str, field: str = "", **facts: Json) -> None:
        """Something of this node is not as it was."""
        self.around.notes.warning(code, message, self.place.id, field, **facts)

    def not_kept(self, field: str, message: str) -> None:
        """Something of this node is left out."""
        self.warning(NOT_KEPT, message, field)

    def needs(self, kind: Kind, there: str, field: str) -> str:
        """Our id for one of the source system; a name that nothing here has, and a finding, where none is known."""
        self.around.needed.note(kind, there, self.place.id)
        if (found := self.around.ids.find(kind, there)) is not None:
            return found
        what = {"knowledge": "knowledge base"}.get(kind, kind)
        message = (
            f"Nothing here is known as the {what} {short(there)} of the document: the node fails when a run reaches it."
        )
        self.warning(f"unmapped_{kind}", message, field, kind=kind, id=short(there))
        return f"{SOURCE}:{there}"

    def knows(self, kind: Kind, there: str) -> bool:
        """Whether there is an id here."""
        return self.around.ids.find(kind, there) is not None

    def objects(self, holder: Fields, name: str) -> Sequence[Fields]:
        """The objects in a list under a key; what is no object is reported and left out."""
        value = holder.get(name)
        if value is None or value == "":
            return []
        at = holder.at(name)
        if not isinstance(value, list):
            self.error("wrong_shape", f'"{name}" is a list; this is none and is left out.', at)
            return []
        made: list[Fields] = []
        for number, one in enumerate(value):
            if isinstance(one, dict):
                made.append(Fields(one, f"{at}.{number}"))
            elif one is not None:
                self.error("wrong_shape", f'"{name}" holds objects; this is none and is left out.', f"{at}.{number}")
        return made

    def text(self, holder: Fields, name: str, default: str = "") -> str:
        """A text under a key; numbers are taken as their digits."""
        value = holder.get(name)
        if value is None:
            return default
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self.error("wrong_shape", f'"{name}" is a text; this is none and is left out.', holder.at(name))
        return default

    def whole(self, holder: Fields, name: str, default: int = 0) -> int:
        """A whole number under a key, which may be written as a text."""
        found = number_of(holder.get(name))
        if found is None:
            if holder.get(name) not in (None, ""):
                message = f'"{name}" is a whole number; this is none, and {default} is taken.'
                self.error("wrong_shape", message, holder.at(name))
            return default
        return int(found)

    def bounded(self, value: Number, least: Number, most: Number, field: str) -> Number:
        """The number, or the nearest that there may be here."""
        if least <= value <= most:
            return value
        bound = min(max(value, least), most)
        self.not_kept(field, f"{value} becomes {bound}: here it is {least} to {most}.")
        return bound

    def truth(self, holder: Fields, name: str) -> bool:
        """True or false under a key, which may be written as a text."""
        value = holder.get(name)
        return value is True or (isinstance(value, str) and value.lower() in ("true", "1", "t"))

    def unknown(self, fields: Fields, known: Iterable[str] = ()) -> None:
        """Report the keys of an object that nobody looked at; the known ones say nothing that matters here."""
        if fields.done:
            return
        fields.skip(known)
        for key in fields.rest():
            at = fields.at(short(key))
            self.warning("unknown_key", f'Nothing is known of the key "{short(key)}"; it is left out.', at)


def number_of(value: object) -> float | int | None:
    """A finite number of reasonable size, also from its digits in a text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        if len(value) > 40:
            return None
        try:
            value = int(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
    if isinstance(value, int | float) and -1e18 < value < 1e18:
        return value
    return None
