"""The command line's own client of our HTTP API: what it asks, and what refusals say in one sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2

from engine.errors import FlowError

_PATIENCE: Final = httpx2.Timeout(30.0, connect=2.0)
# The API sends a sign of life every 15 seconds.
_SILENCE: Final = httpx2.Timeout(40.0, connect=2.0)
_RECONNECT: Final = 0.2
_NAME: Final = "mainspring"
"""What the audit log calls us."""
_TRIES: Final = 25


class ApiRefused(FlowError):
    """The API said no; the facts `status` and `code` are its own."""

    code = "api_refused"


class ApiUnreachable(FlowError):
    """Nothing answers there."""

    code = "api_unreachable"
    retryable = True


class ApiClient:
    """Speaks with one server. For our own API alone: what reaches out of the machine is the egress client's."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._client = httpx2.AsyncClient(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {token}", "User-Agent": _NAME},
            timeout=_PATIENCE,
            # The environment may name a proxy, which knows nothing of a server on this machine.
            trust_env=False,
        )

    def enter(self, space: str) -> None:
        """From here on everything is asked in this space, named by its id or key. Raises `ApiRefused` for no name."""
        if not space.isascii() or not space.isprintable():
            raise ApiRefused(f"There is no space {space}: name it by its id or its key.", status=404)
        self._client.headers["X-Space-ID"] = space

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def get(self, path: str, /, **params: Any) -> Any:
        """The JSON that is there. Raises `ApiRefused` or `ApiUnreachable`."""
        given = {name: value for name, value in params.items() if value is not None}
        return await self._ask("GET", path, params=given)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, patience: float | None = None) -> Any:
        """The answer, for which `patience` seconds are waited."""
        return await self._ask("POST", path, json=dict(body or {}), timeout=_for(patience))

    async def upload(self, path: str, name: str, data: bytes, fields: Mapping[str, str], *, patience: float) -> Any:
        """Send a file as the part `file` of a form."""
        return await self._ask("POST", path, files={"file": (name, data)}, data=dict(fields), timeout=_for(patience))

    async def patch(self, path: str, body: Mapping[str, Any], *, patience: float | None = None) -> Any:
        return await self._ask("PATCH", path, json=dict(body), timeout=_for(patience))

    async def delete(self, path: str) -> None:
        await self._ask("DELETE", path)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._ask("PUT", path, json=dict(body))

    async def text(self, path: str, *, patience: float | None = None, **params: Any) -> str:
        """The text that is there, as it is."""
        reply = await self._reply("GET", path, params=params, timeout=_for(patience))
        return reply.text

    async def ready(self) -> bool:
        """Whether a server answers there, is ready, and knows our token."""
        try:
            await self.get("/health/ready")
            await self.get("/workflows", limit=1)
        except (ApiRefused, ApiUnreachable):
            return False
        return True

    async def events(self, run_id: str, after: int = 0) -> AsyncGenerator[dict[str, Any]]:
        """The events of a run as they happen, to the one that ends it. A connection that breaks is taken up again."""
        failures = 0
        while True:
            try:
                async for event in self._stream(run_id, after):
                    after, failures = event["seq"], 0
                    yield event
                    if event["type"] in ("run.succeeded", "run.failed", "run.cancelled"):
                        return
            except httpx2.TransportError as error:
                failures += 1
                if failures > _TRIES:
                    raise self._unreachable(error) from error
            await asyncio.sleep(_RECONNECT)

    async def _stream(self, run_id: str, after: int) -> AsyncGenerator[dict[str, Any]]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        where = f"/runs/{quote(run_id, safe='')}/events"
        async with self._client.stream("GET", where, headers=headers, timeout=_SILENCE) as reply:
            if reply.status_code >= 400:
                await reply.aread()
                raise _refused(reply)
            async for line in reply.aiter_lines():
                # Each event is one line of JSON; its name and offset are in it again.
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    async def _ask(self, method: str, path: str, **what: Any) -> Any:
        reply = await self._reply(method, path, **what)
        return reply.json() if reply.content else None

    async def _reply(self, method: str, path: str, **what: Any) -> httpx2.Response:
        try:
            reply = await self._client.request(method, path, **what)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        if reply.status_code >= 400:
            raise _refused(reply)
        return reply

    def _unreachable(self, error: Exception) -> ApiUnreachable:
        return ApiUnreachable(f"Nothing answers at {self.url} ({type(error).__name__}).", url=self.url)


def _for(seconds: float | None) -> httpx2.Timeout:
    return _PATIENCE if seconds is None else httpx2.Timeout(seconds, connect=2.0)


def _refused(reply: httpx2.Response) -> ApiRefused:
    try:
        problem = reply.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = str(problem.get("detail") or f"The API answered with the status {reply.status_code}.")
    lines = [_finding(one) for one in problem.get("errors") or [] if isinstance(one, dict)]
    # One finding is what the sentence says already, but for its place.
    if len(lines) == 1 and str(problem["errors"][0].get("message")) in detail:
        place = _place(problem["errors"][0])
        sentence = f"{place}: {detail}" if place and place not in detail else detail
    else:
        sentence = "\n".join([detail, *(f"  {line}" for line in lines)])
    return ApiRefused(sentence, status=reply.status_code, api_code=str(problem.get("code", "")))


def _place(finding: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in (finding.get("node"), finding.get("field")) if part)
    # Of a table the place is a line and a column: `line 2.departments`.
    return place.replace(".", ", ", 1) if place.startswith("line ") else place


def _finding(finding: Mapping[str, Any]) -> str:
    place, code = _place(finding), finding.get("code", "error")
    # That it does not fit is what the sentence says better.
    head = f"{place}:" if place and code in ("invalid_request", "invalid_input") else f"{place} {code}:".lstrip()
    return " ".join(str(word) for word in (finding.get("severity", ""), head, finding.get("message", "")) if word)
