"""Reading what a person answered with the help of a model: which option was meant, or what fields it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import LETTERS, OTHER
from engine.errors import InvalidInput, LimitExceeded, NodeFailed
from engine.json_text import read_json, write_json
from engine.values import Json
from nodes.ai.asking import ModelInputs, ask_model
from nodes.ai.reply import asked_for, read_object, required_of
from nodes.answer_reader import answer_reader
from nodes.chat import ChatMessage, ChatRequest
from nodes.context import NodeContext
from nodes.reading import read_settings

OWN: Final = ("answer", "option_id", "option_content")
"""Outputs of every question, which no model fills in."""
_LONGEST_QUESTION: Final = 8_000
_SHOWN: Final = 200
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,6}")

_CHOOSE: Final = """\
A person was asked a question that has options, and answered in words of their own. Find the option that the answer \
means.
Answer with one JSON object and nothing else: {"option": <number of the option>}. Take the number that stands before \
the option. When the answer means none of them, the number is -1.

Options:
"""
_CHOICE: Final[Mapping[str, Json]] = {
    "type": "object",
    "properties": {"option": {"type": "integer"}},
    "required": ["option"],
}

_EXTRACT: Final = """\
You gather facts from what a person says. Read the whole conversation and fill in the fields of this JSON Schema:
{schema}
Rules:
- Take only what the person said or clearly meant. Never invent a value; leave a field out that nobody spoke of.
- Give each value in the type of its field. A later answer overrules an earlier one.
- When a required field is still unknown, or an answer contradicts itself, ask for it: one short, friendly question, \
in the language of the person, that names what is missing.
- When nothing required is missing, the question is an empty text.
Answer with one JSON object and nothing else: {{"fields": {{…}}, "question": "…"}}."""


class Round(BaseModel):
    """A question and its answer."""

    question: str
    answer: str


class Inputs(ModelInputs):
    options: list[str] = Field(default_factory=list)
    system_prompt: str = ""
    rounds: list[Round] = Field(min_length=1)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    extract: bool = False
    free: bool = True
    ports: bool = False
    dynamic: bool = False


@answer_reader("question.read", Inputs)
async def read_answer(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Read the latest answer: the option that it means, or the fields that were told so far."""
    settings = read_settings(Settings, ctx.settings)
    return await (_extract(inputs, ctx) if settings.extract else _choose(inputs, settings, ctx))


async def _choose(inputs: Inputs, settings: Settings, ctx: NodeContext) -> dict[str, Json]:
    latest, options = inputs.rounds[-1], inputs.options[: len(LETTERS)]
    listed = "\n".join(f"{number}: {option}" for number, option in enumerate(options))
    said = _persona(f"Question: {latest.question}\nAnswer: {latest.answer}", inputs)
    messages = (ChatMessage("system", f"{_CHOOSE}{listed}"), ChatMessage("user", said))
    reply = await ask_model(inputs, ChatRequest(messages, inputs.options_of_model, json_schema=_CHOICE), ctx)
    number = _number(reply)
    if number == -1:
        if not settings.free:
            ctx.ask(latest.question)
            return {}
        _leave(OTHER, settings, ctx)
        return {"answer": latest.answer, "option_id": OTHER, "option_content": latest.answer}
    if not 0 <= number < len(options):
        raise NodeFailed(f"The model chose the option {number}, but there are {len(options)}, counted from 0.")
    _leave(f"option_{number}", settings, ctx)
    return {"answer": latest.answer, "option_id": LETTERS[number], "option_content": options[number]}


def _leave(port: str, settings: Settings, ctx: NodeContext) -> None:
    if settings.ports:
        ctx.leave_by(port)
    elif settings.dynamic:
        ctx.leave_by(OTHER if port == OTHER else "option")


def _number(reply: str) -> int:
    """The number in a reply that is one, or an object around one."""
    found = read_object(reply)
    option: Json = found.get("option") if found is not None else None
    if found is None:
        text = reply.strip()
        option = int(text) if _WHOLE_NUMBER.fullmatch(text) else None
    if not isinstance(option, int) or isinstance(option, bool):
        raise NodeFailed(f"The model was to name an option by its number, but it said: {reply[:_SHOWN]}")
    return option


async def _extract(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    schema = _fields_of(ctx.output_schema)
    required = [name for name in required_of(ctx.output_schema) if name not in OWN]
    messages = [ChatMessage("system", _EXTRACT.format(schema=write_json(schema)))]
    for one in inputs.rounds:
        messages += [ChatMessage("assistant", one.question), ChatMessage("user", one.answer)]
    last = inputs.rounds[-1].answer
    needed = f"{last}\n\nRequired fields: {', '.join(required) or 'none'}."
    messages[-1] = ChatMessage("user", _persona(needed, inputs))
    wanted: dict[str, Json] = {
        "type": "object",
        "properties": {"fields": schema, "question": {"type": "string"}},
        "required": ["fields", "question"],
    }
    reply = await ask_model(inputs, ChatRequest(tuple(messages), inputs.options_of_model, json_schema=wanted), ctx)
    found = read_object(reply)
    if found is None:
        raise NodeFailed(f"The model's reply is not JSON, so the answer could not be read. It begins: {reply[:_SHOWN]}")
    question = found.get("question")
    if isinstance(question, str) and question.strip():
        ctx.ask(question.strip()[:_LONGEST_QUESTION])
        return {}
    fields = _object(found.get("fields"))
    return {**{name: value for name, value in fields.items() if name not in OWN}, "answer": last}


def _fields_of(declared: Mapping[str, Json] | None) -> dict[str, Json]:
    """The declared outputs that are to be found in what was said."""
    properties = {name: kind for name, kind in asked_for(declared).items() if name not in OWN}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in required_of(declared) if name not in OWN],
    }


def _object(value: Json) -> dict[str, Json]:
    """Fields, also where a model wrote them as a text of JSON."""
    if isinstance(value, str):
        try:
            value = read_json(value)
        except (InvalidInput, LimitExceeded):
            value = None
    return value if isinstance(value, dict) else {}


def _persona(text: str, inputs: Inputs) -> str:
    return f"{text}\n\n{inputs.system_prompt}" if inputs.system_prompt else text
