"""A call of a tool: its arguments checked and put where they belong, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import quote

from engine.canvas import JsonSchema
from engine.conversion import convert_strictly, fill_defaults
from engine.errors import InvalidInput
from engine.openapi.tool import HIDDEN, Argument, HttpTool, Place
from engine.schema import as_schema, items_of, properties_of
from engine.templates import to_text
from engine.values import Json

_RESERVED: Final = ":/?#[]@!$&'()*+,;="
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """What is to be sent. Query and path are escaped already; `body` is a value that is written as `content_type`."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = ""
    """Empty where there is no body."""
    body: Json = None
    files: frozenset[str] = field(default_factory=frozenset[str])
    """The fields of the body that are URLs of files to be fetched and sent."""


def assemble(
    tool: HttpTool, base_url: str, arguments: Mapping[str, Json], common: Mapping[Place, Mapping[str, str]]
) -> tuple[ToolRequest, list[str]]:
    """The request, and a sentence for each argument that the tool does not take.

    What an argument is: what was given (null is nothing), else what is common to all calls, else its default. Raises
    `InvalidInput` for one that is missing, or does not fit its type.
    """
    known = {one.name for one in tool.arguments if not one.hidden}
    unknown = [name for name, value in arguments.items() if name not in known and value is not None]
    warnings = [f"The tool {tool.name} takes no {name[:100]}: it is left out." for name in unknown]
    given: dict[Place, list[tuple[Argument, Json]]] = {"path": [], "query": [], "header": [], "body": []}
    for argument in tool.arguments:
        value = _value(argument, arguments, common.get(argument.place, _NOTHING))
        if value is not None:
            given[argument.place].append((argument, value))
        elif argument.required:
            raise InvalidInput(
                f"The tool {tool.name} needs the argument {argument.name}.", field=f"inputs.{argument.name}"
            )
    query = [*_query(given["query"]), *_common("query", tool, common)]
    headers = [(one.name, _simple(value, explode=one.explode)) for one, value in given["header"]]
    content_type, body = _body(tool, given["body"], common.get("body", _NOTHING))
    url = base_url.rstrip("/") + _path(tool.path, given["path"])
    request = ToolRequest(
        method=tool.method,
        url=f"{url}?{'&'.join(query)}" if query else url,
        headers=(*headers, *((n, v) for n, v in common.get("header", _NOTHING).items() if n not in dict(headers))),
        content_type=content_type,
        body=body,
        files=_files(tool),
    )
    return request, warnings


def _value(argument: Argument, arguments: Mapping[str, Json], common: Mapping[str, str]) -> Json:
    value = None if argument.hidden else arguments.get(argument.name)
    if value is None:
        value = common.get(argument.name)
    if value is None:
        value = argument.type.get("default")
    if value is None:
        return None
    fitting = convert_strictly(value, argument.type, field=f"inputs.{argument.name}")
    return cast("Json", fill_defaults(_shown_members(cast("Json", fitting), argument.type), argument.type))


def _shown_members(value: Json, type_: JsonSchema) -> Json:
    """The value without the members that nobody may give."""
    if isinstance(value, dict):
        types = {name: as_schema(one) for name, one in properties_of(type_).items()}
        return {
            name: _shown_members(one, types.get(name, {}))
            for name, one in value.items()
            if not types.get(name, {}).get(HIDDEN)
        }
    if isinstance(value, list) and (items := items_of(type_)):
        return [_shown_members(one, items) for one in value]
    return value


# --- where they go ---------------------------------------------------------------------------------------------------


def _path(path: str, given: Sequence[tuple[Argument, Json]]) -> str:
    for argument, value in given:
        match argument.style:
            case "label":
                text = "." + _simple(value, explode=argument.explode, joint=".", escape=True)
            case "matrix":
                text = _matrix(argument, value)
            case _:
                text = _simple(value, explode=argument.explode, escape=True)
        if not text.strip("."):
            # An empty part, or one of dots, would make it the path of another operation.
            raise InvalidInput(
                f"The argument {argument.name} is a part of the path: it may not be empty, nor dots alone.",
                field=f"inputs.{argument.name}",
            )
        path = path.replace(f"{{{argument.name}}}", text)
    return path


def _matrix(argument: Argument, value: Json) -> str:
    name = _escaped(argument.name)
    if isinstance(value, dict) and argument.explode:
        return "".join(f";{_escaped(key)}={_escaped(to_text(one))}" for key, one in value.items())
    if isinstance(value, list) and argument.explode:
        return "".join(f";{name}={_escaped(to_text(one))}" for one in value)
    return f";{name}={_simple(value, explode=False, escape=True)}"


def _simple(value: Json, *, explode: bool, joint: str = ",", escape: bool = False) -> str:
    """`a,b`; an object as `key,value` or, exploded, `key=value`."""
    text = _escaped if escape else str
    if isinstance(value, list):
        return joint.join(text(to_text(one)) for one in value if one is not None)
    if isinstance(value, dict):
        middle, between = ("=", joint) if explode else (",", ",")
        pairs = [(name, one) for name, one in value.items() if one is not None]
        return between.join(f"{text(name)}{middle}{text(to_text(one))}" for name, one in pairs)
    return text(to_text(value))


def _query(given: Sequence[tuple[Argument, Json]]) -> list[str]:
    pieces: list[str] = []
    for argument, value in given:
        safe = _RESERVED.translate({ord(sign): None for sign in "#&+="}) if argument.reserved else ""
        for name, text in _query_pairs(argument, value, safe):
            pieces.append(f"{_escaped(name, '[]')}={text}")
    return pieces


def _query_pairs(argument: Argument, value: Json, safe: str) -> list[tuple[str, str]]:
    """Names, and their values as they stand in the URL."""
    name, style = argument.name, argument.style

    def text(one: Json) -> str:
        return _escaped(to_text(one), safe)

    if isinstance(value, dict):
        pairs = [(key, one) for key, one in value.items() if one is not None]
        if style == "deepObject":
            return [(f"{name}[{key}]", text(one)) for key, one in pairs]
        if argument.explode:
            return [(key, text(one)) for key, one in pairs]
        return [(name, _between(style).join(f"{_escaped(key)}{_between(style)}{text(one)}" for key, one in pairs))]
    if isinstance(value, list):
        items = [one for one in value if one is not None]
        if argument.explode:
            return [(name, text(one)) for one in items]
        return [(name, _between(style).join(text(one) for one in items))] if items else []
    return [(name, text(value))]


def _between(style: str) -> str:
    return {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(style, ",")


def _common(place: Place, tool: HttpTool, common: Mapping[Place, Mapping[str, str]]) -> list[str]:
    """What is common to all calls, but for what is an argument of the tool at this place."""
    taken = {one.name for one in tool.arguments if one.place == place}
    return [
        f"{_escaped(name)}={_escaped(value)}"
        for name, value in common.get(place, _NOTHING).items()
        if name not in taken
    ]


def _body(tool: HttpTool, given: Sequence[tuple[Argument, Json]], common: Mapping[str, str]) -> tuple[str, Json]:
    if tool.body is None:
        return "", None
    if tool.body.whole:
        return (tool.body.content_type, given[0][1]) if given else ("", None)
    members: dict[str, Any] = {**common, **{one.name: value for one, value in given}}
    needed = any(one.required for one in tool.arguments if one.place == "body")
    return (tool.body.content_type, members) if members or needed else ("", None)


def _files(tool: HttpTool) -> frozenset[str]:
    if tool.body is None or tool.body.content_type != "multipart/form-data":
        return frozenset()
    from_url = [one for one in tool.arguments if one.place == "body" and one.type.get("format") == "file"]
    return frozenset(one.name for one in from_url)


def _escaped(text: str, safe: str = "") -> str:
    return quote(text, safe=safe)
