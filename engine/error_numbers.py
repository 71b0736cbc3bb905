"""The numbers that Coze gives to errors: canvases from there compare `errorBody.errorCode` with them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.values import Json

NUMBER: Final = "number"
"""The fact under which an error names its number itself, where its code alone does not tell."""
UNKNOWN: Final = 720701013
"""Workflow execution failure, with the cause in the message."""
ABSENT: Final = 720702002
"""Something that is required is not there."""

_NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "node_timeout": 777777776,
        "cancelled": 777777777,
        "code_failed": 305000002,
        "invalid_input": 720702001,
        "plugin_failed": 720701004,
    }
)


def number_of(code: str, facts: Mapping[str, Json]) -> int:
    """The number of an error with this code and these facts."""
    named = facts.get(NUMBER)
    return named if isinstance(named, int) and not isinstance(named, bool) else _NUMBERS.get(code, UNKNOWN)
