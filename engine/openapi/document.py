"""An OpenAPI document, read as the tools of a plugin; nothing in it is lost without a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.json_text import check_depth
from engine.openapi.findings import Finding, Findings, Unusable
from engine.openapi.operation import OperationReader, Where
from engine.openapi.references import References
from engine.openapi.swagger import from_swagger
from engine.openapi.tool import HttpTool
from engine.values import Json

MOST_TOOLS: Final = 500
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """How the document says that a caller says who it is."""

    kind: Literal["none", "api_key", "bearer", "oauth"] = "none"
    place: Literal["header", "query"] = "header"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """What a document describes."""

    title: str
    description: str
    base_url: str
    """Empty where the document names no whole address."""
    key: KeyPlace
    tools: tuple[HttpTool, ...]
    findings: tuple[Finding, ...]


def read_document(document: Mapping[str, Json]) -> Described:
    """Read an OpenAPI 3.0 or 3.1 document, or one of Swagger 2.0. What cannot be a tool is left out, and found.

    Raises `LimitExceeded` for one that is nested too deep.
    """
    check_depth(document, field="The document")
    return _Reading(document).read()


class _Reading:
    """One document being read."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        self._findings = Findings()
        self._document: Mapping[str, Any] = document

    def read(self) -> Described:
        version = str(self._document.get("openapi") or self._document.get("swagger") or "")
        if version.startswith("2."):
            self._document = from_swagger(self._document, self._findings)
        elif not version.startswith(("3.0", "3.1")):
            said = f"not {version[:20]}" if version else "and says so in the field openapi"
            self._findings.error("openapi", "unknown_version", f"The document is OpenAPI 3.0 or 3.1, {said}.")
            return self._made((), KeyPlace())
        for word in ("webhooks", "x-webhooks"):
            if word in self._document:
                self._findings.warn(word, "not_read", "Webhooks are not used.")
        references = References(self._document)
        key = self._key(references)
        tools = self._tools(references)
        if not tools:
            self._findings.error("paths", "no_tools", "There is no operation in the document that can be a tool.")
        return self._made(tools, key)

    def _made(self, tools: tuple[HttpTool, ...], key: KeyPlace) -> Described:
        info = self._document.get("info")
        told: Mapping[str, Any] = info if isinstance(info, dict) else {}
        return Described(
            title=_text(told.get("title")),
            description=_text(told.get("description")),
            base_url=self._base_url(),
            key=key,
            tools=tools,
            findings=self._findings.all(),
        )

    def _tools(self, references: References) -> tuple[HttpTool, ...]:
        reader = OperationReader(references, self._findings, self._secured())
        tools: dict[str, HttpTool] = {}
        for where in self._operations(references):
            try:
                tool = reader.read(where)
            except Unusable as why:
                self._findings.error(why.place, why.code, f"{why.message} The tool is left out.")
                continue
            if tool.name in tools:
                self._findings.error(
                    f"{where.place}.operationId",
                    "name_taken",
                    f"There are two tools named {tool.name}: the second is left out.",
                )
            elif len(tools) == MOST_TOOLS:
                self._findings.error(
                    where.place,
                    "too_many_tools",
                    f"A plugin has at most {MOST_TOOLS} tools: from here on none is read.",
                )
                break
            else:
                tools[tool.name] = tool
        return tuple(tools.values())

    def _operations(self, references: References) -> Iterator[Where]:
        paths = self._document.get("paths")
        if not isinstance(paths, dict):
            self._findings.error("paths", "not_an_object", "paths must be an object: its keys are the paths.")
            return
        for path, given in paths.items():
            place = f"paths.{path}"
            if str(path).startswith("x-"):
                continue
            if not str(path).startswith("/"):
                self._findings.error(place, "not_a_path", "A path begins with a slash: its tools are left out.")
                continue
            try:
                shared = references.followed(given, place)
            except Unusable as why:
                self._findings.error(why.place, why.code, f"{why.message} Its tools are left out.")
                continue
            for method, operation in shared.items():
                if method in _METHODS and isinstance(operation, dict):
                    yield Where(method, str(path), f"{place}.{method}", operation, shared)
                elif method in (*_METHODS, "trace"):
                    sentence = "TRACE is not sent." if method == "trace" else "An operation is an object."
                    self._findings.error(f"{place}.{method}", "not_an_operation", f"{sentence} The tool is left out.")

    def _base_url(self) -> str:
        servers = self._document.get("servers")
        if not isinstance(servers, list) or not servers or not isinstance(servers[0], dict):
            return ""
        if len(servers) > 1:
            self._findings.warn("servers.1", "not_read", "The first server is called; the others are not used.")
        server = servers[0]
        given = server.get("variables")
        variables: Mapping[str, Any] = given if isinstance(given, dict) else {}

        def value(found: re.Match[str]) -> str:
            one = variables.get(found[1])
            return str(one.get("default", found[0])) if isinstance(one, dict) else found[0]

        url = _VARIABLE.sub(value, str(server.get("url", ""))).strip().rstrip("/")
        return url if url.lower().startswith(("http://", "https://")) else ""

    # --- who asks -----------------------------------------------------------------------------------------------------

    def _secured(self) -> bool | None:
        """Whether the document as a whole asks for a key; None where it speaks of none at all."""
        security = self._document.get("security")
        if isinstance(security, list):
            return bool(security) and {} not in security
        return False if self._schemes() else None

    def _schemes(self) -> Mapping[str, Any]:
        components = self._document.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, dict) else None
        return schemes if isinstance(schemes, dict) else {}

    def _key(self, references: References) -> KeyPlace:
        """The first scheme that we know, those that the whole document asks for before the others."""
        schemes = self._schemes()
        security = self._document.get("security")
        asked = (
            [name for one in security if isinstance(one, dict) for name in one] if isinstance(security, list) else []
        )
        chosen: KeyPlace | None = None
        for name in dict.fromkeys([*(name for name in asked if name in schemes), *schemes]):
            place = f"components.securitySchemes.{name}"
            try:
                key = _scheme(references.followed(schemes[name], place))
            except Unusable as why:
                self._findings.warn(why.place, why.code, why.message)
                continue
            if key is None:
                self._findings.warn(place, "unknown_scheme", "This way of saying who asks is not known.")
            elif chosen is None or (chosen.kind == "oauth" != key.kind):
                chosen = key
            elif chosen != key:
                self._findings.warn(place, "scheme_not_used", "A plugin has one key: another scheme is used.")
        return chosen or KeyPlace()


def _scheme(scheme: Mapping[str, Any]) -> KeyPlace | None:
    kind, place, name = scheme.get("type"), scheme.get("in"), _text(scheme.get("name"))
    match kind:
        case "apiKey" if place == "header" and name:
            return KeyPlace("api_key", "header", name)
        case "apiKey" if place == "query" and name:
            return KeyPlace("api_key", "query", name)
        case "http" if str(scheme.get("scheme", "")).lower() == "bearer":
            return KeyPlace("bearer")
        case "oauth2" | "openIdConnect":
            return KeyPlace("oauth")
        case _:
            return None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
