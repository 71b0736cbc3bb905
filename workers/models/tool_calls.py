"""Tool calls put together from pieces, as servers really send them; a call is given when it is whole, or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import uuid4

from engine.errors import FlowError
from engine.json_text import check_depth, read_json, write_json
from engine.values import Json
from nodes.chat import ToolCall

MOST: Final = 128
"""More calls than this are no answer, but a model or a server that does not find its end."""
LONGEST: Final = 4 * 1024 * 1024
"""Characters of all arguments of an answer: they are read in one go at its end, and all else waits meanwhile."""
_READ_AGAIN: Final = 4 * 1024 * 1024
"""So much of one call is read before its end, to see whether it is whole: each piece that asks has all read anew."""
_ENDS: Final = ("}", '"', "l")
"""What an object, one written as a text, and null end with."""
_DECODER: Final = json.JSONDecoder(strict=False)
_LEFT_OVER: Final = re.compile(r"[\s}]*")


class BrokenCall(Exception):
    """A call that cannot be made: the sentence goes on from "The call of a tool …"."""


@dataclass(slots=True)
class _Draft:
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list[str])
    whole: Mapping[str, Json] | None = None
    """Arguments that came as an object."""
    end: str = ""
    """The last piece of them that is not blank."""
    read: int = 0

    def take(self, piece: str) -> None:
        """The next piece of the arguments."""
        self.pieces.append(piece)
        self.end = piece.rstrip() or self.end

    def complete(self) -> bool:
        """Whether the arguments are whole as they are, so that more would be those of another call."""
        if self.whole is not None:
            return True
        if not self.pieces or not (self.end or "}").endswith(_ENDS) or self.read > _READ_AGAIN:
            return False
        text = "".join(self.pieces)
        self.read += len(text)
        return _object(text) is not None

    def arguments(self) -> Mapping[str, Json]:
        if self.whole is not None:
            return self.whole
        text = "".join(self.pieces)
        # Some begin with an empty object and then send the arguments, some send all of them again with every piece.
        for candidate in (text, text.strip().removeprefix("{}"), self.pieces[-1] if self.pieces else ""):
            if (found := _object(candidate)) is not None:
                return found
        raise BrokenCall(f"{self.name or 'without a name'} has arguments that are no JSON object: {text[:200]}")


class ToolCalls:
    """The calls of one answer. `offered` are the names of the tools that the model may call."""

    def __init__(self, offered: Iterable[str] = ()) -> None:
        self._offered = frozenset(offered)
        self._drafts: list[_Draft] = []
        self._at: dict[int, _Draft] = {}
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._drafts)

    def feed(self, pieces: object) -> None:
        """Take the `tool_calls` of a chunk, or what stands there."""
        for piece in pieces if isinstance(pieces, list) else [pieces]:
            if isinstance(piece, dict):
                self._feed(cast("Mapping[str, Any]", piece))

    def add(self, name: str, arguments: Mapping[str, Json]) -> None:
        """Take a whole call."""
        self._drafts.append(_Draft(name=name, whole=arguments))

    def whole(self, *, cut_off: bool = False) -> tuple[ToolCall, ...]:
        """Every call, with an id of its own. Raises `BrokenCall`; of an answer that was `cut_off` the whole ones."""
        made: list[ToolCall] = []
        seen: set[str] = set()
        for draft in self._drafts:
            if not draft.name and not draft.complete():
                continue
            try:
                if not draft.name:
                    raise BrokenCall("has no name")
                arguments = draft.arguments()
            except BrokenCall:
                if cut_off:
                    continue
                raise
            id = draft.id if draft.id and draft.id not in seen else f"call_{uuid4().hex[:24]}"
            seen.add(id)
            made.append(ToolCall(id, draft.name, arguments))
        return tuple(made)

    def _feed(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        # Some leave the envelope out, as the older function_call did.
        said: Mapping[str, Any] = cast("Mapping[str, Any]", function) if isinstance(function, dict) else piece
        id, name = _text(piece.get("id")), _text(said.get("name")).strip()
        arguments = said.get("arguments", said.get("parameters"))
        index = piece.get("index")
        draft = self._draft(index if type(index) is int else None, id, name, arguments)
        draft.id = draft.id or id
        if name and name != draft.name:
            draft.name += name
        if isinstance(arguments, str):
            self._size += len(arguments)
            if self._size > LONGEST:
                raise BrokenCall(f"has arguments of more than {LONGEST} characters")
            draft.take(arguments)
        elif isinstance(arguments, dict):
            draft.whole = _checked(cast("Mapping[str, Json]", arguments))

    def _draft(self, index: int | None, id: str, name: str, arguments: object) -> _Draft:
        """The call that a piece belongs to: the one of its index, else of its id, else the last one."""
        draft = self._at.get(index) if index is not None else self._by_id(id)
        if index is None and draft is None and self._drafts and not (id and self._drafts[-1].id):
            draft = self._drafts[-1]
        if draft is None or self._is_another(draft, id, name, arguments):
            if len(self._drafts) >= MOST:
                raise BrokenCall(f"is one of more than {MOST}")
            draft = _Draft()
            self._drafts.append(draft)
        if index is not None:
            self._at[index] = draft
        return draft

    def _by_id(self, id: str) -> _Draft | None:
        return next((draft for draft in self._drafts if id and draft.id == id), None)

    def _is_another(self, draft: _Draft, id: str, name: str, arguments: object) -> bool:
        """Whether a piece begins a call, although its index, or the lack of one, leads to this one.

        Every name may be told again with every piece, and so may ids, even fresh ones; or each call may say that its
        index is 0.
        """
        if not name or not draft.name:
            return False
        if name != draft.name:
            return not any(known.startswith(draft.name + name) for known in self._offered)
        more = isinstance(arguments, dict) or bool(_text(arguments).strip())
        return draft.complete() and (more or (bool(id) and id != draft.id))


def read_call(value: object, offered: Iterable[str]) -> tuple[str, Mapping[str, Json]] | None:
    """Name and arguments, if the value is a call of one of these tools, as models write it down."""
    if not isinstance(value, dict):
        return None
    told = cast("Mapping[str, Any]", value)
    function = told.get("function")
    if isinstance(function, dict):
        told = cast("Mapping[str, Any]", function)
    name = told.get("name", function)
    if not isinstance(name, str) or name not in offered:
        return None
    arguments = told.get("arguments", told.get("parameters"))
    if arguments is None or isinstance(arguments, str):
        arguments = _object(arguments or "")
    return (name, cast("Mapping[str, Json]", arguments)) if isinstance(arguments, dict) else None


def _object(text: str) -> Mapping[str, Json] | None:
    """The object in a text: nothing is an empty one; line breaks in its texts and brackets too many are forgiven, and
    so is an object written as a text.
    """
    text = text.strip()
    if text in ("", "null"):
        return {}
    if not text.startswith(("{", '"')):
        return None
    try:
        value, end = _DECODER.raw_decode(text)
        if isinstance(value, str):
            value = read_json(value)
    except (ValueError, RecursionError, FlowError):
        return None
    if not isinstance(value, dict) or not _LEFT_OVER.fullmatch(text, end):
        return None
    try:
        return _checked(cast("Mapping[str, Json]", value))
    except FlowError:
        return None


def _checked(arguments: Mapping[str, Json]) -> Mapping[str, Json]:
    """The same, fit to be stored: not too deep, no half characters, no numbers beyond all limits."""
    check_depth(arguments)
    value = read_json(write_json(arguments))
    return cast("Mapping[str, Json]", value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
