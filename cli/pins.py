"""Pins as they are written on a command line: `NODE=JSON`, or `NODE=FILE` with the JSON in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli.canvas_files import read_file
from cli.complaint import CommandFailed
from engine.values import Json


def read_pins(pairs: Iterable[str]) -> dict[str, Json]:
    """What each node gives instead of doing anything.

    The JSON is the output of the node; or, with an object under `output` and perhaps a `port`, the whole pin.
    """
    pins: dict[str, Json] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name.strip() or not text.strip():
            raise CommandFailed(f"--pin takes NODE=JSON or NODE=FILE, but {pair!r} came.")
        pins[name.strip()] = _pin(name.strip(), text.strip())
    return pins


def _pin(name: str, text: str) -> dict[str, Any]:
    if text.startswith("{"):
        where, data = f"What is pinned to {name}", text.encode(errors="surrogateescape")
    else:
        where, data = text, read_file(Path(text.removeprefix("@")))
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{where} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CommandFailed(f"{where} must be a JSON object: the output of the node.")
    whole = isinstance(value.get("output"), dict) and value.keys() <= {"output", "port"}
    return value if whole else {"output": value}
