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
NO_JSON: Final = 777777773
"""How Coze numbers a reply that does not fill in the outputs."""
_FENCED: Final = re.compile(r"```(.*)```", re.DOTALL)
_WORD: Final = re.compile(r"json(?![a-z0-9_])", re.IGNORECASE)


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
    """The object that a reply is, perhaps inside a code fence and after the word `json`. None when it is none."""
    text = reply.strip()
    if (fenced := _FENCED.fullmatch(text)) is not None:
        text = fenced[1].strip()
    if (word := _WORD.match(text)) is not None:
        text = text[word.end() :]
    try:
        value = read_json(text.strip())
    except (InvalidInput, LimitExceeded):
        return None
    return value if isinstance(value, dict) else None
