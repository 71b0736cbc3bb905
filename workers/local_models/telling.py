"""How a child that serves a model tells its parent where it listens and with which key: one line on a pipe."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Listening:
    """An OpenAI-compatible server on loopback, and the key that opens it."""

    base_url: str
    api_key: str


def tell(descriptor: int, where: Listening) -> None:
    """Say it, once."""
    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        pipe.write(json.dumps(asdict(where)) + "\n")


def read(line: bytes) -> Listening | None:
    """What was said; None when the child ended without a word."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    match said:
        case {"base_url": str(base_url), "api_key": str(api_key)}:
            return Listening(base_url, api_key)
        case _:
            return None
