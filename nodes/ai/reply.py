"""A model's reply where values were asked for: how they are asked for, and how they are read out of what comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from engine.errors import InvalidInput, LimitExceeded
from engine.json_text import read_json, write_json
from engine.values import Json

REASONING: Final = "reasoning_content"
"""The output under which a model's reasoning stands, whatever else is declared."""
MARKDOWN: Final = "Answer in Markdown."
_FENCED: Final = re.compile(r"```[ \t]*(?:json)?[ \t]*\n?(.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)


def text_output(schema: Mapping[str, Json] | None) -> str | None:
    """The one text among the outputs, if they are one text and perhaps the reasoning; otherwise None."""
    properties = asked_for(schema)
    if len(properties) != 1:
        return None
    ((name, kind),) = properties.items()
    return name if isinstance(kind, dict) and kind.get("type") == "string" else None


def asked_for(schema: Mapping[str, Json] | None) -> dict[str, Json]:
    """What a model is to fill in: the properties, without its own reasoning."""
    properties = (schema or {}).get("properties")
    return (
        {name: kind for name, kind in properties.items() if name != REASONING} if isinstance(properties, dict) else {}
    )


def required_of(schema: Mapping[str, Json] | None) -> list[str]:
    """The names that a reply must hold."""
    required = (schema or {}).get("required")
    return (
        [name for name in required if isinstance(name, str) and name != REASONING] if isinstance(required, list) else []
    )


def reply_schema(schema: Mapping[str, Json] | None) -> dict[str, Json]:
    """The schema that a model is given."""
    return {"type": "object", "properties": asked_for(schema), "required": [*required_of(schema)]}


def json_instruction(schema: Mapping[str, Json]) -> str:
    """What is said to a model that is to answer with values alone."""
    return (
        "Answer with one JSON object and nothing else: no explanation, no code fence. It must fit this JSON Schema:\n"
        f"{write_json(dict(schema))}"
    )


def read_object(reply: str) -> dict[str, Json] | None:
    """The object in a reply: all of it, inside a code fence, or with words around it. None when there is none."""
    text = reply.strip()
    fenced = _FENCED.search(text)
    candidates = [text.removeprefix("json").lstrip()]
    if fenced is not None:
        candidates.append(fenced[1])
    if (begin := text.find("{")) >= 0 and (end := text.rfind("}")) > begin:
        candidates.append(text[begin : end + 1])
    for candidate in candidates:
        try:
            value = read_json(candidate)
        except (InvalidInput, LimitExceeded):
            continue
        if isinstance(value, dict):
            return value
    return None
