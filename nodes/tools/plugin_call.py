"""Calling a tool of a plugin: what is sent, with which key, and what its answer means."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from engine.errors import FlowError, InvalidInput, NodeFailed, NodeUnavailable
from engine.json_text import read_json, write_json
from engine.openapi.answer import trimmed
from engine.openapi.request import ToolRequest, assemble
from engine.openapi.tool import Place
from engine.values import Json
from nodes.context import Http, HttpReply
from nodes.tools.http_body import make_body
from nodes.tools.http_reply import decode_body, header, retry_after
from storage.ports.plugins import PluginKey, PluginTool

SECONDS: Final = 60.0
ERROR_CHARS: Final = 1_000
"""Of what a tool says that fails."""
UNAUTHORISED: Final = 777777765
PLUGIN_ERROR: Final = 720701004
"""How Coze numbers these: canvases compare with them."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_JSON: Final = "application/json"
_FORMS: Final = {"application/x-www-form-urlencoded": "form_urlencoded", "multipart/form-data": "form_data"}
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_SHORTEST_KEY: Final = 6
_HIDDEN: Final = "•••"
_PORTS: Final = {"http": 80, "https": 443}


class PluginFailed(NodeFailed):
    """The tool's answer is no, or none that can be used. Facts: `plugin`, `tool`, `status` where there is one."""

    code = "plugin_failed"


class PluginUnavailable(NodeUnavailable):
    """The tool cannot be had just now."""

    code = "plugin_unavailable"


class PluginUnauthorised(NodeFailed):
    """The plugin needs a key, or somebody's consent, that is not there."""

    code = "plugin_unauthorised"


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool. The key goes to the origin that it was given for, and into no sentence."""

    tool: PluginTool
    key: PluginKey | None
    http: Http
    idempotency_key: str
    seconds: float = SECONDS

    async def make(self, arguments: Mapping[str, Json], warn: Callable[[str], None]) -> dict[str, Json]:
        """The answer, as the document describes it.

        Raises `InvalidInput` for arguments that do not fit; `PluginUnauthorised`, `PluginFailed`, `PluginUnavailable`;
        and what the egress client raises. But for the first all carry the number that Coze gives them.
        """
        request, warnings = assemble(self.tool.tool, self.tool.base_url, arguments, _common(self.tool))
        for one in warnings:
            warn(one)
        try:
            reply = await self._send(request)
        except FlowError as error:
            if not isinstance(error, InvalidInput):
                error.facts.setdefault("number", PLUGIN_ERROR)
            raise
        return self._read(reply, warn)

    async def _send(self, request: ToolRequest) -> HttpReply:
        headers = [*request.headers]
        url, kept = self._signed(request.url, headers)
        content: bytes | None = None
        if request.content_type:
            content_type, content = await self._body(request)
            headers.append(("Content-Type", content_type))
        headers.append(("Accept", _JSON))
        if request.method not in _SAFE and not any(name.lower() == "idempotency-key" for name, _ in kept):
            headers.append(("Idempotency-Key", self.idempotency_key))
        taken = {name.lower() for name, _ in kept}
        return await self.http.request(
            request.method,
            url,
            headers=[*kept, *(pair for pair in headers if pair[0].lower() not in taken)],
            content=content,
            timeout_seconds=self.seconds,
        )

    def _signed(self, url: str, headers: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
        """The URL and the headers with the key, which stands in the place of what an argument put there."""
        auth, mode = self.tool.auth, self.tool.tool.auth
        if auth.kind == "none" or mode == "disabled":
            return url, [*headers]
        if (key := self._own_key()) is None:
            if mode == "supported":
                return url, [*headers]
            raise self._unauthorised()
        if auth.kind == "api_key" and auth.place == "query":
            whole, _, query = url.partition("?")
            name = quote(auth.name, safe="")
            others = [piece for piece in query.split("&") if piece and piece.partition("=")[0] != name]
            pieces = [*others, f"{name}={quote(key, safe='')}"]
            return f"{whole}?{'&'.join(pieces)}", [*headers]
        name, value = ("Authorization", f"Bearer {key}") if auth.kind == "bearer" else (auth.name, key)
        return url, [*((n, v) for n, v in headers if n.lower() != name.lower()), (name, value)]

    def _own_key(self) -> str | None:
        key = self.key
        if key is None or self.tool.auth.kind == "oauth" or key.origin != origin_of(self.tool.base_url):
            return None
        return key.text

    def _unauthorised(self) -> PluginUnauthorised:
        plugin = self.tool.plugin
        if self.tool.auth.kind == "oauth":
            sentence = f"The plugin {plugin} needs the consent of its owner (OAuth), which cannot be asked for here."
        elif self.key is None:
            sentence = f"The plugin {plugin} needs a key, and none was given: store it with its credentials."
        else:
            sentence = f"The key of the plugin {plugin} was given for another address than it calls now: give it again."
        return PluginUnauthorised(sentence, **self._facts(), number=UNAUTHORISED)

    async def _body(self, request: ToolRequest) -> tuple[str, bytes]:
        if (form := _FORMS.get(request.content_type)) is None:
            # YAML contains JSON.
            return request.content_type, write_json(request.body).encode()
        members = request.body if isinstance(request.body, dict) else {}
        fields: list[dict[str, Any]] = []
        for name, value in members.items():
            if name in request.files:
                urls = value if isinstance(value, list) else [value]
                fields += [{"name": name, "file_url": str(url)} for url in urls if url]
            else:
                fields.append({"name": name, "value": value})
        made = await make_body("form_data" if form == "form_data" else "form_urlencoded", fields, self.http)
        return made if made is not None else (request.content_type, b"")

    # --- the answer ---------------------------------------------------------------------------------------------------

    def _read(self, reply: HttpReply, warn: Callable[[str], None]) -> dict[str, Json]:
        text = self._hidden(decode_body(reply, warn))
        if not 200 <= reply.status <= 299:
            raise self._refused(reply, text)
        if not text.strip():
            return {}
        try:
            answer = read_json(text.lstrip("\ufeff"))
        except InvalidInput as error:
            raise self._failed(f"The answer of {self._name} is no JSON: {_start(text)}", reply) from error
        if not isinstance(answer, dict):
            raise self._failed(f"{self._name} must answer a JSON object, but it answered: {_start(text)}", reply)
        made, warnings = trimmed(answer, self.tool.tool.result)
        for one in warnings:
            warn(f"In the answer of {self._name}: {one}")
        return made

    def _refused(self, reply: HttpReply, text: str) -> NodeFailed | NodeUnavailable:
        told = f": {_start(text)}" if text.strip() else "."
        sentence = f"{self._name} answered with the status {reply.status}{told}"
        if reply.status not in _AGAIN:
            return self._failed(sentence, reply)
        facts: dict[str, Json] = {**self._facts(), "status": reply.status, "number": PLUGIN_ERROR}
        if (wait := retry_after(header(reply, "retry-after"), datetime.now(UTC))) is not None:
            facts["retry_after"] = wait
        return PluginUnavailable(sentence, **facts)

    def _failed(self, sentence: str, reply: HttpReply) -> PluginFailed:
        return PluginFailed(sentence, **self._facts(), status=reply.status, number=PLUGIN_ERROR)

    def _facts(self) -> dict[str, Json]:
        return {"plugin": self.tool.plugin, "tool": self.tool.name, "version": self.tool.version}

    @property
    def _name(self) -> str:
        return f"{self.tool.plugin}/{self.tool.name}"

    def _hidden(self, text: str) -> str:
        """The text without the key: a tool may show what it was sent."""
        if self.key is None or len(self.key.text) < _SHORTEST_KEY:
            return text
        spelled = (self.key.text, quote(self.key.text, safe=""), json.dumps(self.key.text)[1:-1])
        for one in dict.fromkeys(spelled):
            text = text.replace(one, _HIDDEN)
        return text


def origin_of(url: str) -> str:
    """Where a key is sent: scheme, host and port, in one spelling. Empty for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else _PORTS.get(parts.scheme.lower())
    except ValueError:
        return ""
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}" if parts.hostname and port else ""


def _common(tool: PluginTool) -> dict[Place, Mapping[str, str]]:
    common = tool.common
    return {"path": common.path, "query": common.query, "header": common.header, "body": common.body}


def _start(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= ERROR_CHARS else f"{text[:ERROR_CHARS]}…"
