"""The text of an OpenAPI document, JSON or YAML, as a value; YAML within bounds, because it can be a bomb."""

from __future__ import annotations

import re
from typing import Any, Final

from api.errors import InvalidRequest
from engine.errors import FlowError
from engine.json_text import MAX_DEPTH, read_json
from engine.values import Json

YAML_BYTES: Final = 2 * 1024 * 1024
"""It is read many times slower than JSON."""
MOST_PARTS: Final = 200_000
"""With what its aliases stand for."""

_NULL: Final = re.compile(r"~|null|Null|NULL|")
_TRUE: Final = re.compile(r"true|True|TRUE")
_FALSE: Final = re.compile(r"false|False|FALSE")
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,4000}")
_BASED: Final = re.compile(r"0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_DECIMAL: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_LONG_DIGITS: Final = re.compile(r"[0-9a-fA-F]{16}")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_TAG: Final = "tag:yaml.org,2002:"


def read_text(text: str) -> dict[str, Json]:
    """The document. Raises `InvalidRequest` with the line and the column of what is wrong."""
    text = text.lstrip("\ufeff")
    try:
        value = read_json(text) if text.lstrip().startswith("{") else _yaml(text)
    except InvalidRequest:
        raise
    except FlowError as error:
        raise wrong(error.message) from error
    if _LONG_DIGITS.search(text):
        _check_numbers(value)
    if not isinstance(value, dict):
        raise wrong("The document must be an object: openapi, info, paths and so on.")
    return value


def _check_numbers(value: Json) -> None:
    """Refuse integers that cannot be given back: nobody's JSON has them."""
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, dict | list):
            parts += part.values() if isinstance(part, dict) else part
        elif isinstance(part, int) and not _SMALLEST <= part <= _LARGEST:
            raise wrong(f"The document holds the number {str(part)[:24]}…, which has more than 64 bits.")


def wrong(sentence: str) -> InvalidRequest:
    """The finding that the document cannot be read."""
    return InvalidRequest(sentence, errors=[{"field": "document", "code": "unreadable_document", "message": sentence}])


def _yaml(text: str) -> Json:
    if len(text.encode(errors="replace")) > YAML_BYTES:
        raise wrong(f"A document in YAML has at most {YAML_BYTES // 1024**2} MiB; in JSON it may have more.")
    # Imported here: a start has no use for it.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    building = _Building()
    try:
        # Its events, one after the other: what it would make of them by itself has no bounds.
        for event in yaml.parse(text, Loader=loader):
            building.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise wrong(f"The document is neither JSON nor YAML: {problem}{place}.") from error
    return building.value


class _Building:
    """Makes a value of YAML's events, in the core schema of YAML 1.2, where `no` and `on` are texts."""

    def __init__(self) -> None:
        self.value: Json = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._parts = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """The next event. Raises `InvalidRequest`."""
        match type(event).__name__:
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise _at(event, "there is more than one document in the text")
            case "AliasEvent":
                self._alias(event)
            case "ScalarEvent":
                self._count(1, event)
                value = _scalar(event)
                if event.anchor:
                    self._anchors[event.anchor] = (value, 1)
                self._put(value, event)
            case "SequenceStartEvent" | "MappingStartEvent" as kind:
                self._begin({} if kind == "MappingStartEvent" else [], event)
            case "SequenceEndEvent" | "MappingEndEvent":
                done = self._open.pop()
                if done.anchor:
                    self._anchors[done.anchor] = (done.value, self._parts - done.since)
                self._put(done.value, event)
            case _:
                pass

    def _begin(self, value: Any, event: Any) -> None:
        self._count(1, event)
        if len(self._open) >= MAX_DEPTH:
            raise _at(event, f"it is nested more than {MAX_DEPTH} levels deep")
        if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
            raise _at(event, f"the tag {event.tag[:60]} is not taken")
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(value, event.anchor, self._parts - 1))

    def _alias(self, event: Any) -> None:
        known = self._anchors.get(event.anchor)
        if known is None:
            raise _at(event, f"the alias *{event.anchor[:60]} stands for nothing that is whole")
        value, parts = known
        self._count(parts, event)
        self._put(value, event)

    def _count(self, parts: int, event: Any) -> None:
        self._parts += parts
        if self._parts > MOST_PARTS:
            raise _at(event, f"with what its aliases stand for it has more than {MOST_PARTS} parts")

    def _put(self, value: Any, event: Any) -> None:
        if not self._open:
            self.value = value
            return
        within = self._open[-1]
        if isinstance(within.value, list):
            within.value.append(value)
        elif within.key is None:
            if isinstance(value, dict | list):
                raise _at(event, "a key must be a text")
            within.key = _key(value)
        else:
            _set(within, within.key, value, event)
            within.key = None


class _Open:
    """A list or an object whose end has not come yet."""

    def __init__(self, value: Any, anchor: str | None, since: int) -> None:
        self.value = value
        self.anchor = anchor
        self.since = since
        self.key: str | None = None
        self.merged: set[str] = set()
        """Members that came by `<<`: others may stand in their place."""


def _set(place: _Open, key: str, value: Any, event: Any) -> None:
    within, merged = place.value, place.merged
    if key == "<<":
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                raise _at(event, "<< takes an object, or a list of objects")
            for name, member in one.items():
                if name not in within:
                    within[name] = member
                    merged.add(name)
    elif key in within and key not in merged:
        raise _at(event, f"the key {key[:60]!r} stands twice in one object")
    else:
        within[key] = value
        merged.discard(key)


def _key(value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _scalar(event: Any) -> Json:
    text, tag = str(event.value), event.tag
    if tag in (f"{_TAG}str", "!") or (tag is None and not event.implicit[0]):
        return text
    kind = None if tag is None else tag.removeprefix(_TAG)
    if kind not in (None, "null", "bool", "int", "float"):
        raise _at(event, f"the tag {str(tag)[:60]} is not taken")
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    try:
        if _WHOLE.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _DECIMAL.fullmatch(text) and abs(number := float(text)) != float("inf"):
            return number
    except ValueError as error:
        raise _at(event, "there is a number with thousands of digits") from error
    return text


def _at(event: Any, problem: str) -> InvalidRequest:
    mark = event.start_mark
    return wrong(f"The document cannot be read: {problem} (line {mark.line + 1}, column {mark.column + 1}).")
