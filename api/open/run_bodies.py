"""What routes about runs take."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, Field, JsonValue, StringConstraints

from api.open.fields import OpenBody, OpenId
from engine.errors import InvalidInput

API_CHANNEL = "1024"
CHAT_CHANNEL = "999"


def _parameters(value: Any) -> Any:
    """An object, or the same as a text of JSON."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ValueError("a text that is JSON, or an object") from error


Parameters = Annotated[
    dict[str, JsonValue],
    BeforeValidator(_parameters),
    Field(description="What the start node declares: an object, or the same as JSON in a text."),
]
Ext = Annotated[dict[str, JsonValue], Field(description="`user_id` is on whose behalf it runs.")]
Connector = Annotated[
    str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value), Field(max_length=64)
]


class OpenRunIn(OpenBody):
    """A run to be started."""

    workflow_id: OpenId = Field(description="The workflow; its latest published version runs.")
    parameters: Parameters = Field({}, examples=[{"name": "Ada"}])
    bot_id: OpenId = Field("", description="The agent on whose conversations and variables it works; or `app_id`.")
    app_id: OpenId = Field("", description="The application on whose conversations and variables it works.")
    is_async: bool = Field(False, description="Answer at once; the result is in the run's history.")
    ext: Ext = Field({}, examples=[{"user_id": "ada"}])
    connector_id: Connector = Field("", description="The channel: 999 is kept, everything else is 1024.")
    workflow_version: Annotated[str, StringConstraints(max_length=32)] = Field(
        "", description="A published version, when it shall not be the latest."
    )

    @property
    def application(self) -> str:
        """Whose conversations and variables. Raises `InvalidInput` when both are named."""
        if self.bot_id and self.app_id:
            raise InvalidInput("bot_id and app_id exclude each other: send one of them.", field="app_id")
        return self.app_id or self.bot_id

    @property
    def user(self) -> str | None:
        """On whose behalf, as far as the request says."""
        named = self.ext.get("user_id")
        if named is not None and not isinstance(named, str | int):
            raise InvalidInput("ext.user_id is a text.", field="ext.user_id")
        return str(named)[:191] if named not in {None, ""} else None

    @property
    def channel(self) -> str:
        """Through which the user came."""
        return CHAT_CHANNEL if self.connector_id == CHAT_CHANNEL else API_CHANNEL


class OpenResumeIn(OpenBody):
    """An answer to what a run asks."""

    workflow_id: OpenId
    event_id: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="As the event `Interrupt` named it.", examples=["208134112739467264/7"]
    )
    resume_data: str = Field(description="What the person says; for a form, an object as JSON in a text.")
    interrupt_type: int = Field(0, description="As the event `Interrupt` named it: 2 a question, 5 a form.")


class OpenMessageIn(OpenBody):
    """What somebody said."""

    role: str = Field("user", description="`user` or `assistant`.")
    type: str = Field("question", description="`question` or `answer`.")
    content: str = Field("", description="The text; with `object_string`, a list of parts as JSON.")
    content_type: str = "text"


class OpenChatIn(OpenRunIn):
    """A message to a workflow that talks."""

    additional_messages: Annotated[list[OpenMessageIn], Field(max_length=50)] = Field(
        [], description="The last is what the user says now; those before it are added to the conversation."
    )
    conversation_id: OpenId = Field("", description="Without it `parameters.CONVERSATION_NAME` names it.")
