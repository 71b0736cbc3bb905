"""One operation of a document, read as a tool."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from engine.canvas import JsonSchema
from engine.openapi.findings import Findings, Unusable
from engine.openapi.references import References
from engine.openapi.tool import HIDDEN, Argument, HttpTool, Place, Style, ToolBody
from engine.openapi.types import Meter, Types, as_members

BODY: Final = "body"
"""The argument that is a whole body, where that is no object with members."""
JSON_TYPES: Final = ("application/json", "application/problem+json", "application/yaml", "text/yaml")
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

_STYLES: Final[Mapping[str, tuple[Style, ...]]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
}
_OURS: Final = frozenset(
    {"accept", "content-type", "content-length", "authorization", "host", "connection", "transfer-encoding", "cookie"}
)
"""Headers that say how a request is sent, or who asks."""
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_LONGEST_NAME: Final = 128


@dataclass(frozen=True, slots=True)
class Where:
    """An operation and what its path says beside it."""

    method: str
    path: str
    place: str
    operation: Mapping[str, Any]
    shared: Mapping[str, Any]
    """The path's own entry."""


class OperationReader:
    """Reads the operations of one document."""

    def __init__(self, references: References, findings: Findings, secured: bool | None) -> None:
        """`secured`: whether the document asks for a key everywhere; None where it says nothing."""
        self._references = references
        self._findings = findings
        self._secured = secured
        self._meter = Meter()

    def read(self, where: Where) -> HttpTool:
        """The tool. Raises `Unusable` with the reason why there is none."""
        operation = where.operation
        for word in ("callbacks", "servers"):
            if word in operation or word in where.shared:
                self._findings.warn(f"{where.place}.{word}", "not_read", f"{word} of an operation are not used.")
        types = Types(self._references, self._findings, self._meter)
        arguments = [*self._parameters(where, types)]
        body, members = self._body(where, types)
        self._check_names([*arguments, *members], where)
        return HttpTool(
            name=self._name(where),
            title=_text(operation.get("summary") or where.shared.get("summary")),
            description=_text(operation.get("description") or where.shared.get("description")),
            method=where.method.upper(),
            path=where.path,
            arguments=(*arguments, *members),
            body=body,
            result=self._result(where),
            auth=self._auth(operation, where.place),
        )

    def _name(self, where: Where) -> str:
        given = where.operation.get("operationId")
        if isinstance(given, str) and given.strip():
            name = given.strip()
            if len(name) > _LONGEST_NAME:
                raise Unusable(
                    f"{where.place}.operationId", "name_too_long", f"A name has at most {_LONGEST_NAME} characters."
                )
            return name
        made = re.sub(r"[\W_]+", "_", f"{where.method}_{where.path}").strip("_")[:_LONGEST_NAME]
        self._findings.warn(where.place, "no_operation_id", f"There is no operationId: the tool is called {made}.")
        return made

    # --- parameters ---------------------------------------------------------------------------------------------------

    def _parameters(self, where: Where, types: Types) -> Iterator[Argument]:
        found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        for owner, place in ((where.shared, where.place.rpartition(".")[0]), (where.operation, where.place)):
            given = owner.get("parameters", [])
            if not isinstance(given, list):
                raise Unusable(f"{place}.parameters", "not_a_list", "parameters must be a list.")
            for number, one in enumerate(given):
                here = f"{place}.parameters.{number}"
                parameter = self._references.followed(one, here)
                name, at = parameter.get("name"), parameter.get("in")
                if not isinstance(name, str) or not name or not isinstance(at, str):
                    raise Unusable(here, "parameter_unnamed", "A parameter has a name, and says what it is in.")
                found[name, at] = here, parameter
        wanted = {*_PLACEHOLDER.findall(where.path)}
        for (name, at), (here, parameter) in found.items():
            if at == "path" and name not in wanted:
                self._findings.warn(
                    here, "not_in_the_path", f"The path {where.path} has no {{{name}}}: it is left out."
                )
            elif (argument := self._argument(name, at, parameter, here, types)) is not None:
                yield argument
        for name in _PLACEHOLDER.findall(where.path):
            if (name, "path") not in found:
                raise Unusable(where.place, "path_parameter_missing", f"Nothing says what {{{name}}} in the path is.")

    def _argument(self, name: str, at: str, parameter: Mapping[str, Any], here: str, types: Types) -> Argument | None:
        """The argument, or None for one that is left out, which a finding tells."""
        needed = parameter.get("required") is True or at == "path"
        why = ""
        if at not in _STYLES:
            why = f"Parameters in {at[:20]} are not sent"
        elif at == "header" and name.lower() in _OURS:
            # OpenAPI itself says that these are to be ignored.
            self._findings.warn(here, "header_is_ours", f"The header {name} is set by whoever sends the request.")
            return None
        elif "content" in parameter:
            why = "A parameter with content instead of a schema is not sent"
        if why:
            if needed:
                raise Unusable(here, "parameter_unusable", f"{why}, and {name} is required.")
            self._findings.warn(here, "parameter_left_out", f"{why}: {name} is left out.")
            return None
        type_ = types.read(parameter.get("schema", {}), f"{here}.schema")
        type_ = _described(type_, parameter)
        styles = _STYLES[at]
        style = parameter.get("style", styles[0])
        if style not in styles:
            raise Unusable(here, "unknown_style", f"In {at} there is no style {str(style)[:30]!r}.")
        explode = parameter.get("explode")
        return Argument(
            name=name,
            place=cast("Place", at),
            type=type_,
            required=needed,
            hidden=_is_hidden(parameter, type_),
            style=cast("Style", style),
            explode=explode if isinstance(explode, bool) else style == "form" or style == "deepObject",
            reserved=parameter.get("allowReserved") is True,
        )

    def _check_names(self, arguments: list[Argument], where: Where) -> None:
        seen: dict[str, Argument] = {}
        for argument in arguments:
            before = seen.setdefault(argument.name, argument)
            if before is not argument:
                sentence = (
                    f"{argument.name} stands in {before.place} and in {argument.place}: one argument goes to both."
                )
                self._findings.warn(where.place, "name_twice", sentence)

    # --- body and answer ----------------------------------------------------------------------------------------------

    def _body(self, where: Where, types: Types) -> tuple[ToolBody | None, list[Argument]]:
        if "requestBody" not in where.operation:
            return None, []
        here = f"{where.place}.requestBody"
        given = self._references.followed(where.operation["requestBody"], here)
        content = given.get("content")
        if not isinstance(content, dict) or not content:
            raise Unusable(here, "body_without_content", "The body says nothing of its content.")
        needed = given.get("required") is True
        chosen = _body_type(content)
        if chosen is None:
            kinds = ", ".join(map(str, content))[:200]
            sentence = f"A body of the type {kinds} cannot be sent; JSON, YAML and forms can."
            if needed:
                raise Unusable(f"{here}.content", "body_unusable", sentence)
            self._findings.warn(f"{here}.content", "body_left_out", f"{sentence} It is left out.")
            return None, []
        place = f"{here}.content.{chosen}.schema"
        entry = content[chosen]
        schema = types.read(entry.get("schema", {}) if isinstance(entry, dict) else {}, place)
        kind = chosen.partition(";")[0].strip().lower()
        if members := as_members(schema):
            required = schema.get("required")
            return ToolBody(content_type=kind), [
                Argument(
                    name=name,
                    place="body",
                    type=_file(one) if kind == MULTIPART else one,
                    required=needed and isinstance(required, list) and name in required,
                    hidden=one.get(HIDDEN) is True,
                )
                for name, one in members.items()
            ]
        if kind in (FORM, MULTIPART) and schema.get("type") not in ("object", None):
            raise Unusable(place, "form_without_fields", "A form is an object.")
        if kind in (FORM, MULTIPART):
            schema = {**schema, "type": "object"}
        described = _described(schema, given)
        return ToolBody(content_type=kind, whole=True), [
            Argument(name=BODY, place="body", type=described, required=needed, hidden=_is_hidden(given, schema))
        ]

    def _result(self, where: Where) -> JsonSchema | None:
        responses = where.operation.get("responses")
        if not isinstance(responses, dict):
            return None
        codes = [*map(str, responses)]
        good = sorted(code for code in codes if re.fullmatch(r"2(\d\d|XX)", code, re.IGNORECASE))
        chosen = next(iter(good), "default" if "default" in codes else None)
        if chosen is None:
            return None
        here = f"{where.place}.responses.{chosen}"
        # In YAML the status may have been a number.
        entry = next(value for code, value in responses.items() if str(code) == chosen)
        content = self._references.followed(entry, here).get("content")
        if not isinstance(content, dict) or not content:
            return None
        kind = next((name for name in content if _is_json(str(name)) or str(name) == "*/*"), None)
        if kind is None:
            kinds = ", ".join(map(str, content))[:200]
            self._findings.warn(
                f"{here}.content", "answer_is_not_json", f"It answers {kinds}: a call that gets no JSON object fails."
            )
            return None
        schema = content[kind].get("schema") if isinstance(content[kind], dict) else None
        if schema is None:
            return None
        place = f"{here}.content.{kind}.schema"
        result = Types(self._references, self._findings, self._meter, "response").read(schema, place)
        if result.get("type", "object") != "object":
            self._findings.warn(
                place, "answer_is_no_object", f"It answers {result['type']}: a call that gets no JSON object fails."
            )
            return None
        return result or None

    def _auth(self, operation: Mapping[str, Any], place: str) -> Literal["required", "supported", "disabled"]:
        match operation.get("x-auth-mode"):
            case "required" | "supported" | "disabled" as mode:
                return cast('Literal["required", "supported", "disabled"]', mode)
            case None:
                pass
            case other:
                sentence = f"x-auth-mode is required, supported or disabled, not {str(other)[:50]!r}."
                self._findings.warn(f"{place}.x-auth-mode", "unknown_auth_mode", sentence)
        security = operation.get("security")
        if not isinstance(security, list):
            return "supported" if self._secured is False else "required"
        if not security:
            return "disabled"
        return "supported" if {} in security else "required"


def _body_type(content: Mapping[str, Any]) -> str | None:
    """Which of the types of a body is sent: JSON before forms."""
    named = [str(name) for name in content]
    for fits in (_is_json, lambda kind: kind == FORM, lambda kind: kind == MULTIPART):
        for name in named:
            if fits(name.partition(";")[0].strip().lower()):
                return name
    return None


def _is_json(kind: str) -> bool:
    """Whether it is JSON, or YAML, of which JSON is a part."""
    kind = kind.partition(";")[0].strip().lower()
    return kind in JSON_TYPES or kind.endswith("+json")


def _file(type_: JsonSchema) -> JsonSchema:
    """A field of a form that holds bytes is given as the URL of a file."""
    if type_.get("type") == "string" and type_.get("format") in ("binary", "byte"):
        return {**type_, "format": "file"}
    return type_


def _described(type_: JsonSchema, owner: Mapping[str, Any]) -> JsonSchema:
    """The type with what its owner says of it."""
    told = _text(owner.get("description"))
    return {**type_, "description": told} if told and "description" not in type_ else type_


def _is_hidden(owner: Mapping[str, Any], type_: JsonSchema) -> bool:
    disabled = owner.get("x-global-disable") is True or owner.get("x-local-disable") is True
    return disabled or type_.get(HIDDEN) is True


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
