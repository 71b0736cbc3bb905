"""Intent: find out what somebody wants, and go on by it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import InvalidInput, LimitExceeded, NodeFailed
from engine.json_text import read_json
from engine.values import Json
from nodes.ai.asking import ModelInputs, ask_model
from nodes.ai.chain import tries
from nodes.ai.reply import read_object
from nodes.chat import ChatMessage, ChatRequest, MediaPart
from nodes.conversation.history import history
from nodes.reading import read_settings
from nodes.surface import Category, Example, NodeContext, activity_node

OTHER: Final = "other"
_SHOWN: Final = 200
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,6}")
_CHOSEN: Final[dict[str, Json]] = {"classificationId": {"type": "integer"}}
_REASON: Final[dict[str, Json]] = {"reason": {"type": "string"}}

_TASK: Final = """\
You find out what the user wants. Compare the user's message with the intents below and choose the one whose meaning \
comes closest; earlier messages only help to understand the last one. Choose 0 when none of them fits.

Intents:
0: none of these
"""
_FAST: Final = """
Answer with the number of the intent as {"classificationId": <number>} and with nothing else."""
_FULL: Final = """
Answer with one JSON object and nothing else: {"classificationId": <number of the intent>, "reason": "<why, in one \
short sentence in the language of the user>"}."""


class History(BaseModel):
    """How much of the conversation the model is shown."""

    model_config = ConfigDict(extra="forbid")

    rounds: int = Field(ge=0, le=100, description="How many rounds, counted by the messages of the user.")


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    intents: list[str] = Field(
        min_length=1,
        max_length=200,
        description="What somebody may want, each with a port of its own: intent_0, intent_1, … by its place.",
    )
    mode: Literal["fast", "full"] = Field(
        "full", description="full gives a reason and minds the system_prompt; fast is content with a number."
    )
    history: History | None = Field(
        None, description="In the run of a conversation: what was said before is shown to the model too."
    )


class Inputs(ModelInputs):
    query: str = Field("", description="What was said. What is no text is written as one.")
    system_prompt: str = Field("", description="What else the model should mind; in the mode full alone.")


class Output(BaseModel):
    classificationId: int = Field(description="The number of the intent, counted from 1; 0 for none of them.")
    reason: str | None = Field(None, description="Why, in the mode full.")


def ports(settings: Settings) -> tuple[str, ...]:
    return (*(f"intent_{number}" for number, _ in enumerate(settings.intents)), OTHER)


@activity_node(
    "intent",
    title="Intent",
    category=Category.AI,
    timeout=timedelta(minutes=5),
    retry=tries,
    settings=Settings,
    ports=ports,
    outputs=Output,
    examples=(
        Example(
            title="With a reason",
            inputs={
                "model": "scripted",
                "query": "Where is my parcel?",
                "system_prompt": 'say: {"classificationId": 2, "reason": "They ask for a parcel."}',
            },
            settings={"intents": ["give something back", "ask for a delivery"]},
            output={"classificationId": 2, "reason": "They ask for a parcel."},
        ),
        Example(
            title="Fast",
            inputs={"model": "scripted", "query": "How is the weather?\nsay: 0"},
            settings={"intents": ["退货", "查询物流"], "mode": "fast"},
            output={"classificationId": 0, "reason": None},
        ),
    ),
)
async def intent(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Let a model find out which of several intents somebody has, and leave by the port of that one.

    The intents are numbered from 1; 0 is none of them, and leaves by the port other. In the run of a conversation the
    model may be shown what was said before. A reply that names no intent makes the node fail.
    """
    settings = read_settings(Settings, ctx.settings)
    reply = await ask_model(inputs, await _request(inputs, settings, ctx), ctx)
    found = _read(reply, fast=settings.mode == "fast")
    number = found.get("classificationId")
    if not isinstance(number, int) or isinstance(number, bool):
        raise NodeFailed(f"The model was to name an intent by its number, but it said: {reply[:_SHOWN]}")
    if not 0 <= number <= len(settings.intents):
        raise NodeFailed(f"The model chose the intent {number}, but there are {len(settings.intents)}.")
    ctx.leave_by(f"intent_{number - 1}" if number else OTHER)
    return found if settings.mode == "full" else {"classificationId": number}


async def _request(inputs: Inputs, settings: Settings, ctx: NodeContext) -> ChatRequest:
    full = settings.mode == "full"
    listed = "".join(f"{number}: {name}\n" for number, name in enumerate(settings.intents, start=1))
    system = f"{_TASK}{listed}{_FULL if full else _FAST}"
    if full and inputs.system_prompt:
        system = f"{system}\n\n{inputs.system_prompt}"
    before = await history(ctx, settings.history.rounds) if settings.history is not None else ()
    properties: dict[str, Json] = {**_CHOSEN, **(_REASON if full else {})}
    return ChatRequest(
        messages=(
            ChatMessage("system", system),
            *(_as_text(message) for message in before),
            ChatMessage("user", inputs.query),
        ),
        options=inputs.options_of_model,
        json_schema={"type": "object", "properties": properties, "required": ["classificationId"]},
    )


def _as_text(message: ChatMessage) -> ChatMessage:
    """A message of several parts as lines: what is no text by its URL."""
    if isinstance(message.content, str):
        return message
    lines = (part.url if isinstance(part, MediaPart) else part.text for part in message.content)
    return ChatMessage(message.role, "\n".join(line for line in lines if line))


def _read(reply: str, *, fast: bool) -> dict[str, Json]:
    """What the model said: the first object in its reply, or in the mode fast a number by itself."""
    text = reply.strip()
    if fast and _WHOLE_NUMBER.fullmatch(text):
        return {"classificationId": int(text)}
    begin, end = text.find("{"), text.find("}")
    first: Any = None
    if 0 <= begin < end:
        try:
            first = read_json(text[begin : end + 1])
        except (InvalidInput, LimitExceeded):
            # Braces within it: then only the whole is an object.
            first = None
    found = first if isinstance(first, dict) else read_object(text)
    if found is None:
        said = f"it said: {reply[:_SHOWN]}" if text else "it said nothing."
        raise NodeFailed(f"The model was to name an intent, but {said}")
    return found
