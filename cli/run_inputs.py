"""The inputs of a run, as they are written on a command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cli.canvas_files import read_file
from cli.complaint import CommandFailed
from engine.values import Json


def read_inputs(given: str | None, pairs: Iterable[str], declared: Mapping[str, Any]) -> dict[str, Json]:
    """The inputs: a JSON object (`@file` and `-` say where it is), and on top of it each `key=value`.

    `declared` are the schemas of the inputs: what is declared as a text is taken as it stands, all else as JSON if it
    is any.
    """
    inputs = {} if given is None else _object(given)
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.strip():
            raise CommandFailed(f"--set takes key=value, but {pair!r} came.")
        inputs[key.strip()] = read_value(text, declared.get(key.strip()))
    return inputs


def read_value(text: str, schema: object = None) -> Json:
    """One value: a text where a text is wanted; otherwise what the JSON says, or the text when it is no JSON."""
    if isinstance(schema, Mapping) and schema.get("type") == "string":
        return text
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def _object(given: str) -> dict[str, Json]:
    if given == "-":
        where, text = "What came on standard input", sys.stdin.buffer.read()
    elif given.startswith("@"):
        where, text = given[1:], read_file(Path(given[1:]))
    else:
        where, text = "What --input says", given.encode(errors="surrogateescape")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{where} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CommandFailed(f'{where} must be a JSON object with the inputs, such as {{"name": "Ada"}}.')
    return value
