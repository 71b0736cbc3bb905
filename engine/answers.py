"""Answers of people: whether one will do, and the output and the port it gives."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Final, cast

from engine.canvas import JsonSchema
from engine.conditions import type_name
from engine.conversion import convert_strictly, fill_defaults, null_fill
from engine.errors import FlowError, InvalidInput
from engine.json_text import check_depth, read_json
from engine.runtime import OpenWait
from engine.schema import as_schema, properties_of
from engine.templates import to_text
from engine.values import Json

OTHER: Final = "other"
"""The option id and the port of an answer that is none of the options."""

LETTERS: Final = string.ascii_uppercase
"""Options have letters as ids, so that more than 26 cannot be told apart: the rest do not count."""

_SHOWN: Final = 200
"""Characters of an answer or an option that a sentence repeats."""


def check_answer(wait: OpenWait, answer: Json) -> str | None:
    """None when the answer will do; otherwise a sentence that names what is wrong with it."""
    try:
        _read(wait, answer)
    except FlowError as error:
        return error.message
    return None


def accept_answer(
    wait: OpenWait, answer: Json, output_schema: JsonSchema | None = None
) -> tuple[dict[str, object], str | None]:
    """The output that an answer gives, and the port to leave by.

    A form takes an object, its JSON text, or lines of `name: value`; it gives its fields, converted to their types,
    also where a value is a JSON text. A field that does not exist is dropped. A value that does not fit is refused,
    while the reference makes it null with a warning, and so is an answer without a required field, of which the
    reference makes a failed run: here somebody is still there who can correct it, and the form stays open.

    A question takes a text (or a
    number or boolean, as text) and gives `answer`; with options also `option_id` (A, B, … or `other`) and
    `option_content`, and the ports are `option_0`, `option_1`, … and `other`. What else the output declares is null.
    Raises the error whose sentence `check_answer` gives.
    """
    output, port = _read(wait, answer)
    return (output if output_schema is None else null_fill(output, output_schema)), port


def _read(wait: OpenWait, answer: Json) -> tuple[dict[str, object], str | None]:
    if wait.kind == "form":
        return _form(dict(wait.schema or {}), answer), None
    if answer is None or isinstance(answer, list | dict):
        raise InvalidInput(f"The answer must be a text, but {type_name(answer)} came.", field="answer")
    text = to_text(answer)
    options = wait.options[: len(LETTERS)]
    if not options:
        return {"answer": text}, None
    number = _option(options, text)
    if number is not None:
        return {"answer": text, "option_id": LETTERS[number], "option_content": options[number]}, f"option_{number}"
    if wait.free:
        return {"answer": text, "option_id": OTHER, "option_content": text}, OTHER
    shown = ", ".join(f'"{option}"' for option in options)
    raise InvalidInput(f'The answer must be one of {_cut(shown)}, but "{_cut(text)}" came.', field="answer")


def _option(options: tuple[str, ...], text: str) -> int | None:
    """The option that an answer is: the very same text, or else the same but for the blanks around it."""
    if text in options:
        return options.index(text)
    bare = [option.strip() for option in options]
    return bare.index(text.strip()) if text.strip() in bare else None


def _form(schema: JsonSchema, answer: Json) -> dict[str, object]:
    record: JsonSchema = {**schema, "type": "object"}
    given = _fields(answer, record) if isinstance(answer, str) else answer
    if not isinstance(given, dict):
        raise InvalidInput(f"The answer must be an object with the fields of the form, but {type_name(given)} came.")
    check_depth(given, field="answer")
    declared = properties_of(record)
    known = {name: value for name, value in given.items() if name in declared} if declared else given
    fitting = convert_strictly(fill_defaults(known, record), record)
    return null_fill(cast("Mapping[str, object]", fitting), record)


def _fields(text: str, record: JsonSchema) -> Json:
    """The fields in a text: JSON, or lines of `name: value` as people type them into a chat.

    Nothing behind a colon is an empty text where a text is wanted, and otherwise no value at all.
    """
    declared = properties_of(record)
    if text.lstrip().startswith(("{", "[")):
        return read_json(text.strip())
    fields: dict[str, Json] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        colon = min((at for at in (line.find(":"), line.find("：")) if at >= 0), default=-1)
        if colon < 0:
            raise InvalidInput(
                f"Line {number} of the answer has no colon: write each field on a line of its own, as name: value.",
                line=number,
            )
        name, value = line[:colon].strip(), line[colon + 1 :].strip()
        if value or as_schema(declared.get(name)).get("type") == "string":
            fields[name] = value
    return fields


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
