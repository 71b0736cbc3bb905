"""What the vault keeps for a model: its key alone, or with the headers that are secret too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ModelSecret:
    """What a model is reached with."""

    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_secret(text: str) -> ModelSecret:
    """Take it apart: an object with `api_key` and `headers`, or else the key itself."""
    try:
        held = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        held = None
    # A key may be an object by itself: that of a service account, for one.
    if not isinstance(held, dict) or not {*held} <= {"api_key", "headers"}:
        return ModelSecret(text)
    headers = held.get("headers")
    return ModelSecret(
        str(held.get("api_key") or ""),
        {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {},
    )
