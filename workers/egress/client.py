"""The one HTTP client for everything that reaches out: checked, bounded, and without a memory of its own."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from typing import cast
from urllib.parse import quote, urlencode

import httpcore2
import httpx2

from nodes.context import FilePart, HttpReply
from workers.egress.dial import CheckedBackend
from workers.egress.failures import BadUrl, EgressFailed, EgressUnavailable, translate
from workers.egress.guard import Guard, Resolve, system_resolve
from workers.egress.multipart import multipart
from workers.egress.policy import EgressPolicy
from workers.egress.redirect import Hop, leaving, next_hop
from workers.egress.transport import GuardedTransport, Wire
from workers.egress.url import Target, read_url

EgressResponse = HttpReply

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Where a message ends and where it goes is for this client to say.
_OURS = {
    "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip


class EgressClient:
    """Calls the outside, and only that. One for each policy; it keeps connections, and nothing else between calls.

    `resolve` looks names up, `network` opens sockets and `tls` says which certificates are trusted: those of the system
    unless told otherwise. No proxy, certificate or password is taken from the environment.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        resolve: Resolve = system_resolve,
        network: httpcore2.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or _system_tls(),
            max_connections=policy.connections,
            max_keepalive_connections=policy.idle_connections,
            keepalive_expiry=policy.idle_seconds,
            http1=True,
            http2=False,  # it would share one connection between names
            network_backend=CheckedBackend(policy, network or _sockets()),
        )
        self._wire = Wire(policy, Guard(policy, resolve), pool)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        params: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
        timeout_seconds: float = 60.0,
        max_bytes: int | None = None,
        follow_redirects: bool = True,
    ) -> EgressResponse:
        """Call a URL and read the whole answer, whatever its status.

        `params` are added to the query. `timeout_seconds` is for all of it, redirects included. `max_bytes` replaces
        the policy's limit for the body. Headers that frame the message (Host, Content-Length, …) are set here; those
        given are left out. Raises `BadUrl`, `EgressRefused`, `AnswerTooLarge`, `EgressFailed`; and `EgressUnavailable`,
        which may go away.
        """
        hop = Hop(_method(method), _with_params(url, params), _headers(headers), content)
        call = _Call(self._wire, self._policy, self._policy.body_bytes if max_bytes is None else max_bytes)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await call.follow(hop, self._policy.redirects if follow_redirects else None)
        except TimeoutError as error:
            raise EgressUnavailable(
                f"{call.host} did not give its whole answer within {timeout_seconds:g} seconds.",
                host=call.host,
                seconds=timeout_seconds,
            ) from error
        except httpx2.TransportError as error:
            raise translate(error, call.host) from error

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        """The content type and the body of a form; a pair is a text field."""
        return multipart(parts)

    def transport(self) -> httpx2.AsyncBaseTransport:
        """A transport with the same check for every request and redirect; bodies and answers may stream.

        Refusals come out as they are; what the network does comes as errors of httpx2, which a vendor's SDK knows.
        `failure_behind` puts both into words.
        """
        return GuardedTransport(self._wire, self._policy.stream_bytes)

    def sdk_client(self) -> httpx2.AsyncClient:
        """What a vendor's SDK takes as its `http_client`: the transport, and nothing from the environment.

        It follows no redirect, because it could not know which headers are keys. The SDK sets the timeouts. Closing it
        leaves the connections open.
        """
        return httpx2.AsyncClient(transport=self.transport(), trust_env=False, follow_redirects=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()


class _Call:
    """One call while it is followed; knows which host it is at."""

    def __init__(self, wire: Wire, policy: EgressPolicy, limit: int) -> None:
        self._wire = wire
        self._policy = policy
        self._limit = limit
        self.host = "The host"

    async def follow(self, hop: Hop, redirects: int | None) -> EgressResponse:
        """Send it and what it is redirected to, at most so often; None means not at all."""
        followed = 0
        at = self._at(hop)
        while True:
            response = await self._send(hop, at)
            try:
                following = next_hop(hop, at, response.status_code, response.headers.get("location"))
                if redirects is None or following is None:
                    return await self._read(response, at)
            finally:
                await response.aclose()
            followed += 1
            if followed > redirects:
                raise EgressFailed(f"{self.host} redirected more than {redirects} times.", host=self.host)
            before, at = at, self._at(following)
            hop = leaving(following, before, at)

    def _at(self, hop: Hop) -> Target:
        target = read_url(hop.url, self._policy)
        self.host = target.host
        return target

    async def _send(self, hop: Hop, at: Target) -> httpx2.Response:
        request = httpx2.Request(
            hop.method,
            at.url,
            headers=[(name.encode("ascii"), value.encode()) for name, value in hop.headers],
            content=hop.content,
        )
        return await self._wire.exchange(request, self._limit)

    async def _read(self, response: httpx2.Response, at: Target) -> EgressResponse:
        body = await response.aread()
        headers = tuple(response.headers.multi_items())  # names in lower case
        return EgressResponse(response.status_code, headers, body, at.url)


def _sockets() -> httpcore2.AsyncNetworkBackend:
    # For a type checker the class may be the stand-in that httpcore2 has where anyio is missing.
    return cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())


@cache
def _system_tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


def _method(method: str) -> str:
    if (name := method.upper()) not in _METHODS:
        raise BadUrl(f"The method {method[:20]!r} cannot be sent.", method=method[:20])
    return name


def _with_params(url: str, params: Sequence[tuple[str, str]]) -> str:
    if not params:
        return url
    whole, mark, fragment = url.partition("#")
    joint = "&" if "?" in whole else "?"
    return f"{whole}{joint}{urlencode(params, quote_via=quote)}{mark}{fragment}"


def _headers(given: Mapping[str, str] | Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    pairs = list(given.items() if isinstance(given, Mapping) else given)
    for name, value in pairs:
        if not _NAME.fullmatch(name) or _FORBIDDEN_IN_VALUE.search(value):
            raise BadUrl(f"The header {name[:50]!r} cannot be sent: its name or value is malformed.", header=name[:50])
    headers = [(name.lower(), value.strip()) for name, value in pairs if name.lower() not in _OURS]
    present = {name for name, _ in headers}
    defaults = [("user-agent", "Mainspring"), ("accept", "*/*")]
    return (*headers, *(pair for pair in defaults if pair[0] not in present))
