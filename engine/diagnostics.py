"""A diagnostic: one finding about a canvas, precise enough for an editor to mark the field."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, dataclass
from typing import Literal

from engine.values import Json


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`node` is empty for findings about the whole document; `field` is a path inside the node: `data.inputs.url`.

    `code` is stable; the message is one sentence that says what is wrong and, where it can, what would be right.
    """

    code: str
    message: str
    node: str = ""
    field: str = ""
    severity: Literal["error", "warning"] = "error"
    facts: dict[str, Json] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The JSON form that API and CLI show."""
        return asdict(self)
