"""What somebody says, as bodies of the open API carry it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from api.open.fields import OpenBody, word
from engine.errors import FlowError, InvalidInput
from engine.json_text import read_json
from storage.own_conversations import Saying

_KINDS: Final = frozenset({"text", "image", "file", "audio", "video"})
Content = Annotated[str, StringConstraints(max_length=1_000_000)]
Role = Annotated[Literal["user", "assistant"], BeforeValidator(lambda value: word(value) if value else "user")]
ContentType = Annotated[
    Literal["text", "object_string"], BeforeValidator(lambda value: word(value) if isinstance(value, str) else value)
]
MetaData = Annotated[
    dict[str, str],
    BeforeValidator(
        lambda value: (
            {name: text for name, text in value.items() if text is not None} if isinstance(value, dict) else value
        )
    ),
]


class NewSaying(OpenBody):
    """Something to be said."""

    role: Role = Field("user", description="`user` or `assistant`.")
    content: Content
    content_type: ContentType = Field(
        "text", description="`object_string`: the content is JSON, a list of parts with `type` and what it is."
    )
    meta_data: MetaData = Field(
        {}, description="Texts that are kept beside it, at most 16.", examples=[{"source": "shop"}]
    )


class ChangedSaying(OpenBody):
    """What a message says instead; what is absent stays."""

    content: Content | None = None
    content_type: ContentType | None = None
    meta_data: MetaData | None = None


def saying_of(body: NewSaying) -> Saying:
    """What is kept of it. Raises `InvalidInput` where parts are none."""
    check_parts(body.content, body.content_type)
    return Saying(body.role, body.content, body.content_type, body.meta_data)


def check_parts(content: str, content_type: str) -> None:
    """Raises `InvalidInput` when the content of an `object_string` is no list of parts."""
    if content_type != "object_string":
        return
    try:
        parts: Any = read_json(content)
    except FlowError:
        parts = None
    if not isinstance(parts, list) or not parts:
        raise InvalidInput("The content of an object_string is a JSON list of parts.", field="content")
    for number, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _KINDS:
            raise InvalidInput(f"A part has a type: {', '.join(sorted(_KINDS))}.", field=f"content[{number}].type")
        named = [part.get(name) for name in (("text",) if kind == "text" else ("file_id", "file_url"))]
        if not any(isinstance(one, str) and one for one in named):
            raise InvalidInput(
                "A text part has a text, every other one a file_id or a file_url.", field=f"content[{number}]"
            )
