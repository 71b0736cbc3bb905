"""What models write into their text that is none: reasoning between <think> tags, and calls of tools."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final, Literal

from engine.values import Json
from workers.models.tool_calls import read_call

THINK: Final = "<think>"
THOUGHT: Final = "</think>"
CALL: Final = "<tool_call>"
CALLED: Final = "</tool_call>"
_FENCE: Final = re.compile(r"```[ \t]*(?:json|tool_call)?[ \t]*\n?(.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)
_MOST_BLANKS: Final = 1_000
_LONGEST_CALL: Final = 128 * 1024
"""What goes on for longer than this is kept back no more: all of it would be looked at anew with every piece."""
_BETWEEN: Final = re.compile(r"[\s;,]*")
_DECODER: Final = json.JSONDecoder(strict=False)

Kind = Literal["text", "reasoning"]
Piece = tuple[Kind, str]
Call = tuple[str, Mapping[str, Json]]


class Thoughts:
    """Tells reasoning from the answer: the tag counts at the beginning of the text only."""

    def __init__(self) -> None:
        self._state: Literal["before", "opened", "within", "closed", "after"] = "before"
        self._held = ""

    def feed(self, text: str) -> Iterator[Piece]:
        """What can be told of a piece; what may be half a tag is kept back."""
        self._held += text
        if self._state == "before":
            begun = self._held.lstrip()
            if begun.startswith(THINK):
                self._state, self._held = "opened", begun.removeprefix(THINK)
            elif not THINK.startswith(begun) or len(self._held) > _MOST_BLANKS:
                self._state = "after"
        if self._state == "opened":
            self._held = self._held.lstrip()
            self._state = "within" if self._held else "opened"
        if self._state == "within":
            thought, mark, rest = self._held.partition(THOUGHT)
            if mark:
                self._state, self._held = "closed", rest
            else:
                thought, self._held = _before(thought, THOUGHT)
            if thought:
                yield "reasoning", thought
        if self._state == "closed":
            self._held = self._held.lstrip()
            self._state = "after" if self._held else "closed"
        if self._state == "after" and self._held:
            yield "text", self._held
            self._held = ""

    def end(self) -> Iterator[Piece]:
        """What was kept back."""
        if self._held:
            yield "reasoning" if self._state == "within" else "text", self._held
        self._held = ""


class WrittenCalls:
    """Finds calls that a model has written down as text: between tags, or as nothing but JSON that names a tool.

    JSON at the beginning of an answer is kept back until its end: only then is it known what it is.
    """

    def __init__(self, offered: Collection[str], *, wanted: bool) -> None:
        """`wanted` says that a call was asked for, so that bare JSON which names a tool is one."""
        self._offered, self._wanted = offered, wanted
        self._held = ""
        self._state: Literal["before", "json", "text", "tag"] = "before"
        self.found: list[Call] = []

    def feed(self, text: str) -> Iterator[str]:
        """The text that is text."""
        self._held += text
        if self._state == "before" and (begun := self._held.lstrip()):
            if begun[0] in "{[" or begun.startswith("```"):
                self._state = "json"
            elif not "```".startswith(begun):
                self._state = "text"
        if self._state in ("json", "tag") and len(self._held) > _LONGEST_CALL:
            if self._state == "tag":
                yield CALL
            self._state = "text"
        while self._state in ("text", "tag"):
            if self._state == "text":
                before, mark, rest = self._held.partition(CALL)
                if mark:
                    self._state, self._held = "tag", rest
                else:
                    before, self._held = _before(before, CALL)
                if before:
                    yield before
                if not mark:
                    return
            written, mark, rest = self._held.partition(CALLED)
            if not mark:
                return
            self._state, self._held = "text", rest
            if not self._take(written):
                yield CALL + written + CALLED

    def end(self, *, called: bool) -> Iterator[str]:
        """What was kept back and is text after all; `called` says that the server told of calls."""
        held, state = self._held, self._state
        self._held, self._state = "", "text"
        if state == "json":
            if not ((called or self._wanted) and self._take(held)):
                yield from self.feed(held)
                yield from self.end(called=called)
        elif state == "tag":
            # Small models forget to close the tag.
            if not self._take(held):
                yield CALL + held
        elif held:
            yield held

    def _take(self, written: str) -> bool:
        """Whether this is calls and nothing else: one, a list, or one after the other, perhaps in a fence."""
        calls = [read_call(value, self._offered) for value in _values(written)]
        good = [call for call in calls if call is not None]
        if not good or len(good) < len(calls):
            return False
        self.found += good
        return True


def _values(written: str) -> list[object]:
    """The JSON values in a text, those in lists too; one that is no object stands for whatever is not JSON."""
    text = written.strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1].strip()
    values: list[object] = []
    place = 0
    while place < len(text):
        try:
            value, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            return [None]
        values += value if isinstance(value, list) else [value]
        if (between := _BETWEEN.match(text, place)) is not None:
            place = between.end()
    return values


def _before(text: str, mark: str) -> tuple[str, str]:
    """The text, and apart from it what may be the beginning of the mark at its end."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if mark.startswith(text[-length:]):
            return text[:-length], text[-length:]
    return text, ""
