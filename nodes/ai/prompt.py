"""What an LLM node says to its model: the prompts, what is known and was said before, and its turns so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.canvas import JsonSchema
from engine.errors import InvalidInput
from engine.values import Json
from nodes.ai.llm_settings import Knowledge
from nodes.ai.media import SETTING, declared_media, split_media
from nodes.ai.tools import Toolbox
from nodes.chat import ChatMessage, MediaPart, Part, TextPart, ToolCall
from nodes.context import NodeContext
from nodes.conversation.history import history
from nodes.knowledge.recall import recall
from nodes.reading import read_settings

_BLOCK: Final = (
    "Answer with the help of these passages, as far as they bear on the question:\n<passages>\n{}\n</passages>"
)
_BETWEEN: Final = "\n---\n"
_SHOWN: Final = 2_000
"""Of each message that was said before, in the record."""


async def passages(ctx: NodeContext, prompt: str) -> str:
    """The block that stands in front of the prompt; empty where the node has no knowledge, or nothing was found.

    A later turn says what the first one found. The query is the prompt as it is filled in.
    """
    if ctx.turns:
        first: Any = ctx.turns[0]
        return str(first["said"].get("passages") or "")
    given = ctx.settings.get("knowledge")
    if not isinstance(given, dict) or not given.get("bases"):
        return ""
    wish = read_settings(Knowledge, given)
    found = [one.text for one in await recall(ctx, wish, prompt, rounds=rounds_of(ctx))] if prompt.strip() else []
    if not found and wish.no_recall:
        found = [wish.no_recall]
    return _BLOCK.format(_BETWEEN.join(found)) if found else ""


def rounds_of(ctx: NodeContext) -> int:
    """How many rounds of the conversation the model is told."""
    given: Any = ctx.settings.get("history")
    return int(given.get("rounds", 3)) if isinstance(given, dict) else 0


async def messages(
    ctx: NodeContext,
    *,
    system: str,
    prompt: str,
    values: dict[str, Json],
    pictures: Sequence[str],
    takes: frozenset[str],
    tools: Toolbox,
) -> tuple[ChatMessage, ...]:
    """Everything the model is told, in order: who it is, what was said before, the prompt, and the turns so far."""
    content = _content(ctx, system, prompt, values, pictures, takes)
    before = await history(ctx, rounds_of(ctx))
    if before:
        ctx.note("chat_history", [{"role": one.role, "content": one.text[:_SHOWN]} for one in before])
    return (
        *((ChatMessage("system", system),) if system else ()),
        *before,
        ChatMessage("user", content),
        *_turns(ctx.turns, tools),
    )


def _content(
    ctx: NodeContext,
    system: str,
    prompt: str,
    values: dict[str, Json],
    pictures: Sequence[str],
    takes: frozenset[str],
) -> str | tuple[Part, ...]:
    """The prompt, in parts where it holds media. Providers take texts alone in a system prompt: media that it names
    come first here.
    """
    types: Any = ctx.settings.get(SETTING) or {}
    declared: dict[str, JsonSchema] = types
    media = declared_media(values, declared)
    parts = split_media(prompt, media, takes) if media else [TextPart(prompt)]
    here = {part.url for part in parts if isinstance(part, MediaPart)}
    above = split_media(system, media, takes) if media and system else []
    first = [part for part in above if isinstance(part, MediaPart) and part.url not in here]
    whole: tuple[Part, ...] = (*first, *parts, *(_picture(url) for url in pictures))
    return prompt if whole == (TextPart(prompt),) else whole


def _picture(url: str) -> MediaPart:
    if not url.lower().startswith(("https://", "http://", "data:")):
        raise InvalidInput(f"A picture is given by its URL, or as a data URL; {url[:80]!r} is neither.", field="images")
    return MediaPart("image", url=url)


def _turns(turns: Sequence[Json], tools: Toolbox) -> list[ChatMessage]:
    """What the model said in earlier turns, and what the tools answered."""
    said: list[ChatMessage] = []
    for turn in turns:
        known: Any = turn
        spoke = known["said"]
        calls = tuple(ToolCall(one["id"], one["name"], one["arguments"]) for one in spoke["calls"])
        said.append(
            ChatMessage(
                "assistant",
                spoke["text"],
                tool_calls=calls,
                reasoning=spoke["reasoning"],
                provider_state=spoke["state"],
            )
        )
        said += [ChatMessage("tool", tools.told(answer), tool_call_id=answer["id"]) for answer in known["answers"]]
    return said


def answer_of_a_tool(turns: Sequence[Json]) -> str | None:
    """The text of a tool that answers in the model's place, where one was called last."""
    if not turns:
        return None
    last: Any = turns[-1]
    return next((str(answer["text"] or "") for answer in last["answers"] if "text" in answer), None)
