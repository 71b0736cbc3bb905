"""Reading what reaches a node into the models it declares, with findings in words an author understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.errors import InvalidInput
from engine.values import Json

M = TypeVar("M", bound=BaseModel)

FINDINGS_SHOWN = 5
EXPECTED: Final = {
    "string_type": "a text",
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "a list",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}
"""What should have come, by pydantic's name for the finding."""


def read_inputs(model: type[M], values: Mapping[str, Json]) -> M:
    """The bound inputs as the node's model.

    A null counts as absent, so that a default stands in for a source that did not run.
    """
    given = {name: value for name, value in values.items() if value is not None or name not in model.model_fields}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _invalid(model, error, "input") from error


def read_settings(model: type[M], values: Mapping[str, Json]) -> M:
    """The settings in the plan as the node's model."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise _invalid(model, error, "setting") from error


def _invalid(model: type[BaseModel], error: ValidationError, word: str) -> InvalidInput:
    errors = error.errors(include_url=False, include_context=False)
    sentences = [_sentence(model, one, word) for one in errors[:FINDINGS_SHOWN]]
    if len(errors) > FINDINGS_SHOWN:
        sentences.append(f"There are {len(errors) - FINDINGS_SHOWN} more findings.")
    return InvalidInput(" ".join(sentences), field=_path(errors[0]), fields=[_path(one) for one in errors])


def _path(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"])


def _sentence(model: type[BaseModel], error: ErrorDetails, word: str) -> str:
    path = _path(error)
    match error["type"]:
        case "missing":
            told = _description(model, error["loc"])
            return f"The {word} {path} is missing" + (f": {told}" if told else ".")
        case "extra_forbidden" if len(error["loc"]) == 1:
            known = ", ".join(model.model_fields) or "none"
            return f"There is no {word} {path}; this node takes: {known}."
        case "extra_forbidden":
            return f"There is no {word} {path}."
        case "literal_error" | "enum":
            return f"The {word} {path} is {_shown(error['input'])}. {error['msg']}."
        case "value_error" | "assertion_error":
            told = error["msg"].partition(", ")[2] or error["msg"]
            return f"The {word} {path}: {told}" if path else told
        case kind if kind in EXPECTED:
            return f"The {word} {path} is {_kind(error['input'])}; it must be {EXPECTED[kind]}."
        case _:
            # The value itself stays out of the sentence: it may be a secret.
            return f"The {word} {path} is {_kind(error['input'])}. {error['msg']}."


def _description(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    field = model.model_fields.get(str(place[0])) if len(place) == 1 else None
    return (field.description or "") if field is not None else ""


def _shown(value: object) -> str:
    return repr(value[:40]) if isinstance(value, str) else _kind(value)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return f"the number {value}"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"of type {type(value).__name__}"
