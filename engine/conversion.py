"""Conversion: a value made to fit the type that a canvas declares, and what stands where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Final, cast

from engine.canvas import JsonSchema
from engine.conditions import same, type_name
from engine.error_numbers import ABSENT
from engine.errors import EngineError, InvalidInput, NodeFailed
from engine.filling import fill_defaults, null_fill, zero_fill
from engine.json_text import MAX_DEPTH, check_depth, read_structure, too_deep
from engine.schema import as_schema, items_of, others_of, properties_of, required_of, zero_of
from engine.templates import to_text
from engine.values import MISSING, BlobRef, Json, Missing, Value

__all__ = [
    "convert",
    "convert_inputs",
    "convert_strictly",
    "fill_defaults",
    "null_fill",
    "start_input",
    "zero_fill",
    "zero_of",
]

MOST_WARNINGS: Final = 20
"""More findings about one value are counted, not told."""

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,64}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
_EXPECTED: Final = {
    "string": "a text",
    "integer": "a whole number of at most 64 bits",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}


def convert(value: object, schema: JsonSchema, *, path: str = "", any_case: bool = False) -> tuple[object, list[str]]:
    """The value as the schema's type, and a sentence for everything that could not be kept.

    What cannot be converted becomes null; an empty list where a list was due, and in a list it is left out. Null fits
    every type, members that the schema does not name stay, and a `BlobRef` passes untouched (as does a list or an
    object holding one where a text is due: it is converted again once loaded). What fits already is not copied. With
    `any_case` a text that is one of the values allowed but for its case becomes that value.
    """
    if _fits(cast("Value", value), schema, False, 0):
        return value, []
    conversion = _Conversion(strict=False, any_case=any_case)
    made = conversion.made(cast("Value", value), schema, path, 0)
    return _instead(schema) if made is MISSING else made, conversion.findings()


def convert_strictly(value: object, schema: JsonSchema, *, field: str = "") -> object:
    """As `convert`, but what does not fit, or is required and absent, is an `InvalidInput` that names the `field`."""
    if _fits(cast("Value", value), schema, True, 0):
        return value
    return _Conversion(strict=True).made(cast("Value", value), schema, field, 0)


def convert_inputs(inputs: Mapping[str, object], schema: JsonSchema) -> dict[str, object]:
    """The bound inputs of a step as its node type declares them, in any case.

    Null fits and nothing is required: a source that did not run leaves either. What is there and does not fit is an
    `InvalidInput`, its `field` below `inputs`.
    """
    made = dict(inputs)
    properties, others = properties_of(schema), others_of(schema)
    for name, value in inputs.items():
        declared = as_schema(properties[name]) if name in properties else others
        if not _fits(cast("Value", value), declared, False, 0):
            conversion = _Conversion(strict=False, refusing=True, any_case=True)
            made[name] = conversion.made(cast("Value", value), declared, f"inputs.{name}", 1)
    return made


def start_input(inputs: Mapping[str, object], schema: JsonSchema, *, field: str = "inputs") -> dict[str, object]:
    """The input of a run: defaults, then strict conversion (with what is required), then null for what is absent."""
    record: JsonSchema = schema if schema.get("type") == "object" else {**schema, "type": "object"}
    given = dict(inputs)
    check_depth(given, field=field)
    fitting = convert_strictly(fill_defaults(given, record), record, field=field)
    return null_fill(cast("dict[str, object]", fitting), record)


# --- does it fit as it is? -------------------------------------------------------------------------------------------


def _fits(value: Value, schema: JsonSchema, required: bool, depth: int) -> bool:
    """Whether conversion would leave the value as it is. The fast answer for nearly every value of every step."""
    if value is None or isinstance(value, BlobRef):
        return True
    kind = schema.get("type")
    if kind == "string":
        fitting = isinstance(value, str)
    elif kind == "integer" or kind == "number":
        if isinstance(value, int):
            fitting = value is not True and value is not False and _LOWEST <= value <= _HIGHEST
        else:
            fitting = kind == "number" and isinstance(value, float) and isfinite(value)
    elif kind == "boolean":
        fitting = isinstance(value, bool)
    elif kind == "array":
        fitting = isinstance(value, list) and _items_fit(value, schema, required, depth)
    elif kind == "object":
        fitting = isinstance(value, dict) and _members_fit(value, schema, required, depth)
    else:
        fitting = True
    return fitting and ("enum" not in schema or _is_choice(value, schema))


def _items_fit(value: list[Json], schema: JsonSchema, required: bool, depth: int) -> bool:
    items = items_of(schema)
    if not items or not value:
        return True
    if depth >= MAX_DEPTH:
        return False
    if items == {"type": "string"}:
        return _TEXTS.issuperset(map(type, value))
    return all(_fits(item, items, required, depth + 1) for item in value)


_TEXTS: Final = frozenset({str, type(None), BlobRef})


def _members_fit(value: dict[str, Json], schema: JsonSchema, required: bool, depth: int) -> bool:
    if depth >= MAX_DEPTH:
        return False
    if required and any(name not in value for name in required_of(schema)):
        return False
    properties = properties_of(schema)
    for name, member in properties.items():
        found = value.get(name)
        if found is not None and not _fits(found, as_schema(member), required, depth + 1):
            return False
    if others := others_of(schema):
        for name, found in value.items():
            if name not in properties and not _fits(found, others, required, depth + 1):
                return False
    return True


def _is_choice(value: Json, schema: JsonSchema) -> bool:
    choices = schema.get("enum")
    return not isinstance(choices, list) or any(same(value, choice) for choice in choices)


def _choice_in_any_case(text: str, schema: JsonSchema) -> str:
    """The one choice that differs from the text in case alone; the text itself when there is none, or more."""
    choices = schema.get("enum")
    if not isinstance(choices, list) or text in choices:
        return text
    found = [choice for choice in choices if isinstance(choice, str) and choice.casefold() == text.casefold()]
    return found[0] if len(found) == 1 else text


# --- making it fit ---


@dataclass(slots=True)
class _Conversion:
    """One walk through a value and its schema. MISSING stands for "cannot be converted" on the way up."""

    strict: bool
    """Refuse what does not fit, and the absence of what is required."""
    refusing: bool = False
    """Refuse what does not fit, and nothing else."""
    any_case: bool = False
    told: list[str] = field(default_factory=list)
    untold: int = 0

    def findings(self) -> list[str]:
        more = [f"There are {self.untold} more findings like these."] if self.untold else []
        return [*self.told, *more]

    def report(self, path: str, sentence: str, **facts: Json) -> None:
        if self.strict or self.refusing:
            raise InvalidInput(sentence, field=path, **facts)
        if len(self.told) < MOST_WARNINGS:
            self.told.append(sentence)
        else:
            self.untold += 1

    def made(self, value: Value, schema: JsonSchema, path: str, depth: int) -> Value | Missing:
        if value is None or isinstance(value, BlobRef):
            return value
        if depth > MAX_DEPTH:
            raise too_deep(path)
        made: Value | Missing
        match schema.get("type"):
            case "string":
                made = _text(value)
            case "integer":
                made = _integer(value)
            case "number":
                made = _number(value)
            case "boolean":
                made = _boolean(value)
            case "object":
                record = read_structure(value, "object")
                made = self.record(record, schema, path, depth) if isinstance(record, dict) else MISSING
            case "array":
                items = read_structure(value, "array")
                made = self.items(items, schema, path, depth) if isinstance(items, list) else MISSING
            case _:
                made = value
        if self.any_case and isinstance(made, str):
            made = _choice_in_any_case(made, schema)
        if made is MISSING or not _is_choice(cast("Json", made), schema):
            self.report(path, f"{_name(path)} must be {_expected(schema)}, but {_came(value)} came.")
            return MISSING
        return made

    def record(self, value: dict[str, Json], schema: JsonSchema, path: str, depth: int) -> Value:
        properties, others = properties_of(schema), others_of(schema)
        if self.strict:
            for name in required_of(schema):
                if name not in value:
                    here = _below(path, name)
                    self.report(
                        here,
                        f"{here} is required and absent; it must be {_expected(as_schema(properties.get(name)))}.",
                        number=ABSENT,
                    )
        made: dict[str, Value] = {}
        for name, found in value.items():
            declared = as_schema(properties[name]) if name in properties else others
            member = self.made(found, declared, _below(path, name), depth + 1) if declared else found
            made[name] = _instead(declared) if member is MISSING else member
        return cast("Value", made)

    def items(self, value: list[Json], schema: JsonSchema, path: str, depth: int) -> Value:
        items = items_of(schema)
        if not items:
            return value
        made: list[Value] = []
        for number, found in enumerate(value):
            item = self.made(found, items, f"{path}[{number}]", depth + 1)
            if item is not MISSING:
                made.append(item)
        return cast("Value", made)


def _instead(schema: JsonSchema) -> Json:
    """What stands where conversion failed."""
    return [] if schema.get("type") == "array" else None


def _text(value: Json) -> Value | Missing:
    try:
        return to_text(value)
    except EngineError:
        return value  # a part is by reference: whoever loads it converts again
    except NodeFailed:
        return MISSING


def _integer(value: Json) -> int | Missing:
    if isinstance(value, str):
        number = int(value) if _WHOLE.fullmatch(value) else None
    elif isinstance(value, float):
        number = int(value) if isfinite(value) else None
    else:
        number = value if type(value) is int else None
    return MISSING if number is None or not _LOWEST <= number <= _HIGHEST else number


def _number(value: Value) -> float | Missing:
    """A number of 64 bits, whole if it is one; a whole number beyond them is rounded as a float is."""
    try:
        if isinstance(value, str):
            if (whole := _integer(value)) is not MISSING:
                return whole
            number = float(value) if _DECIMAL.fullmatch(value) else nan
        elif isinstance(value, float):
            number = value
        elif type(value) is int:
            return value if _LOWEST <= value <= _HIGHEST else float(value)
        else:
            return MISSING
    except OverflowError:
        return MISSING
    return number if isfinite(number) else MISSING


def _boolean(value: Json) -> bool | Missing:
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(value, MISSING) if isinstance(value, str) else MISSING


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _name(path: str) -> str:
    return path or "The value"


def _expected(schema: JsonSchema) -> str:
    if isinstance(choices := schema.get("enum"), list):
        shown = ", ".join(_came(choice) for choice in choices[:MOST_WARNINGS])
        return f"one of: {shown}{', …' if len(choices) > MOST_WARNINGS else ''}"
    kind = schema.get("type")
    return _EXPECTED.get(kind, "of any type") if isinstance(kind, str) else "of any type"


def _came(value: Value) -> str:
    if isinstance(value, str):
        return f'the text "{value[:40]}{"…" if len(value) > 40 else ""}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float) and -1e40 < value < 1e40:
        return f"the number {value}"
    return type_name(value)
