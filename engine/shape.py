"""What pydantic finds wrong with the shape of a document, in the document's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.findings import ENOUGH, did_you_mean, short
from engine.values import Json

Path = tuple[str | int, ...]

_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of usual size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dataclass_type": "an object",
    "none_required": "null",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LENGTHS: Final[Mapping[str, tuple[str, str, str]]] = {
    "string_too_short": ("too_short", "min_length", "{} or more characters"),
    "string_too_long": ("too_long", "max_length", "no more than {} characters"),
    "too_short": ("too_short", "min_length", "{} or more entries"),
    "too_long": ("too_long", "max_length", "no more than {} entries"),
}
_FORMS: Final = frozenset({"value", "ref", "template", "object", "list"})
"""The tags of `engine.canvas.Expression`: pydantic puts them into a location, the document does not have them there."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One place where a document has the wrong shape. `path` leads there in the document."""

    code: str
    message: str
    path: Path = ()
    facts: dict[str, Json] = field(default_factory=dict)


def flaws(error: ValidationError, document: object, known: Iterable[str] = ()) -> list[Flaw]:
    """What the error tells, one finding per place. `known` are the field names to compare an unknown one with.

    Of an error that tells more than anyone reads the first `ENOUGH` places are enough.
    """
    found: dict[tuple[Path, bool], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False, include_input=False)[:ENOUGH]:
        path = _locate(document, detail["loc"], missing=detail["type"] == "missing")
        # The arms of a union each say what they would have taken, all at one place.
        found.setdefault((path, detail["type"] in _EXPECTED), []).append(detail)
    names = list(known)
    return [_flaw(path, details, document, names) for (path, _), details in found.items()]


def dotted(path: Path) -> str:
    """The path as diagnostics write it: `data.inputs.url`."""
    return ".".join(short(str(part)) for part in path)


def follow(document: object, path: Path) -> object:
    """The value at the path; None where it leads nowhere."""
    for part in path:
        if not _has(document, part):
            return None
        document = _step(document, part)
    return document


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "an object"
        case Sequence():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def _locate(document: object, location: Path, *, missing: bool) -> Path:
    """The part of pydantic's location that is a path of the document: without tags and the arms of unions."""
    path: list[str | int] = []
    value = document
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if part in _FORMS and not last and not _leads(value, part, location[position + 1]):
            continue
        if _has(value, part):
            value = _step(value, part)
            path.append(part)
        elif last and missing:
            path.append(part)
    return tuple(path)


def _leads(value: object, part: str | int, then: str | int) -> bool:
    """Whether a word that may be a tag is a key here. A tag is followed by a key of the same object."""
    if not _has(value, part):
        return False
    inner = _step(value, part)
    return not _has(value, then) or (then != part and _has(inner, then))


def _has(value: object, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(value, list | tuple) and 0 <= part < len(value)
    return isinstance(value, dict) and part in value


def _step(value: Any, part: str | int) -> object:
    inner: object = value[part]
    return inner


def _tail(path: Path) -> str:
    """The last name of the path and the numbers after it: enough for a sentence beside the field."""
    names = [position for position, part in enumerate(path) if isinstance(part, str)]
    return dotted(path[names[-1] if names else 0 :])


def _flaw(path: Path, details: Sequence[ErrorDetails], document: object, known: Sequence[str]) -> Flaw:
    detail = details[0]
    name = f'"{_tail(path)}"' if path else "The document"
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _EXPECTED:
        expected = " or ".join(dict.fromkeys(_EXPECTED.get(one["type"], "something else") for one in details))
        return Flaw("wrong_type", f"{name} must be {expected}, not {kind_of(follow(document, path))}.", path)
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return Flaw("out_of_range", f"{name} must be {words} {context[key]}.", path)
    if kind in _LENGTHS:
        code, key, words = _LENGTHS[kind]
        return Flaw(code, f"{name} must have {words.format(context[key])}.", path)
    match kind:
        case "missing":
            return Flaw("missing_field", f"{name} is missing.", path)
        case "extra_forbidden":
            word = str(path[-1]) if path else ""
            return Flaw("unknown_field", f"There is no field {name} here{did_you_mean(word, known)}", path)
        case "literal_error" | "enum":
            return Flaw("not_allowed", f"{name} must be {context['expected']}.", path)
        case "string_pattern_mismatch" if path and path[-1] == "id":
            return Flaw("invalid_id", "An id has 1 to 64 letters, digits, hyphens and underscores.", path)
        case "expression":
            return Flaw("invalid_expression", f"{name} is no expression: {detail['msg']}.", path)
        case "union_tag_invalid":
            return Flaw("not_allowed", f"{name} must have one of these kinds: {context['expected_tags']}.", path)
        case _:
            reason = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
            return Flaw("invalid_value", f"{name} does not fit: {reason}.", path)
