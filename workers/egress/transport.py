"""The guarded transport: a request is checked, sent to a checked address, and its answer bounded as it streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing
from itertools import zip_longest
from typing import NoReturn, cast

import httpcore2
import httpx2

from workers.egress.address import Address
from workers.egress.decoding import ACCEPTED, Decoder, UndecodableBody, decoder_for
from workers.egress.dial import pool_key
from workers.egress.failures import AnswerTooLarge, EgressFailed
from workers.egress.guard import Guard, Route
from workers.egress.policy import EgressPolicy
from workers.egress.url import Target

_MOST_ADDRESSES = 4
_REMEMBERED = 1024
_ERRORS: dict[type[BaseException], type[httpx2.TransportError]] = {
    httpcore2.ConnectTimeout: httpx2.ConnectTimeout,
    httpcore2.ReadTimeout: httpx2.ReadTimeout,
    httpcore2.WriteTimeout: httpx2.WriteTimeout,
    httpcore2.PoolTimeout: httpx2.PoolTimeout,
    httpcore2.ConnectError: httpx2.ConnectError,
    httpcore2.ReadError: httpx2.ReadError,
    httpcore2.WriteError: httpx2.WriteError,
    httpcore2.RemoteProtocolError: httpx2.RemoteProtocolError,
    httpcore2.LocalProtocolError: httpx2.LocalProtocolError,
}


class Wire:
    """The connections of one client, and the one road a request takes over them."""

    def __init__(self, policy: EgressPolicy, guard: Guard, pool: httpcore2.AsyncConnectionPool) -> None:
        self._policy = policy
        self._guard = guard
        self._pool = pool
        self._answered: dict[tuple[str, int], Address] = {}

    async def exchange(self, request: httpx2.Request, limit: int) -> httpx2.Response:
        """Check the request's URL and send it. The answer's body is decompressed and no longer than `limit`.

        Raises errors of this package for what is refused, too large or undecodable, those of httpx2 for the network.
        """
        route = await self._guard.route(str(request.url))
        target = route.target
        head = [pair for pair in request.headers.raw if pair[0].lower() not in (b"host", b"accept-encoding")]
        head = [(b"host", target.authority.encode()), *head, (b"accept-encoding", ACCEPTED.encode())]
        answer = await self._send(route, request, head)
        try:
            return self._response(target, answer, limit if _has_body(request.method, answer.status) else None)
        except BaseException:
            await answer.aclose()
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def _send(self, route: Route, request: httpx2.Request, head: list[tuple[bytes, bytes]]) -> httpcore2.Response:
        """Try the addresses in turn until one accepts: nothing has been sent as long as none did."""
        target, addresses = route.target, self._in_order(route)
        given: dict[str, float | None] = dict(request.extensions.get("timeout", {}))
        clock = asyncio.get_running_loop().time
        deadline = clock() + min(given.get("connect") or self._policy.connect_seconds, self._policy.connect_seconds)
        for position, address in enumerate(addresses):
            left = len(addresses) - position
            # Each has its share of the time: one that swallows packets must not use up that of the next.
            share = max(0.0, deadline - clock()) / left
            try:
                answer = await self._pool.handle_async_request(
                    httpcore2.Request(
                        request.method,
                        httpcore2.URL(
                            scheme=target.scheme,
                            host=pool_key(target.host, address),
                            port=target.port,
                            target=request.url.raw_path,
                        ),
                        headers=head,
                        content=request.stream,
                        extensions={"timeout": {**given, "connect": share}, "sni_hostname": target.host},
                    )
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                if left == 1:
                    _raise_as_httpx(error)
            except httpcore2.RemoteProtocolError as error:
                if _is_endless_header(error):
                    raise self._header_too_large(target) from error
                _raise_as_httpx(error)
            except tuple(_ERRORS) as error:
                _raise_as_httpx(error)
            else:
                self._remember(target, address)
                return answer
        raise httpx2.ConnectError(f"{target.host} has no address")

    def _in_order(self, route: Route) -> list[Address]:
        """Both families by turns, and first of all the address that answered last: a connection may wait there."""
        answered = self._answered.get((route.target.host, route.target.port))
        families = dict.fromkeys(address.version for address in route.addresses)
        columns = [[address for address in route.addresses if address.version == family] for family in families]
        turns = [address for row in zip_longest(*columns) for address in row if address is not None]
        return sorted(turns, key=lambda address: address != answered)[:_MOST_ADDRESSES]

    def _remember(self, target: Target, address: Address) -> None:
        if len(self._answered) >= _REMEMBERED:
            self._answered.clear()
        self._answered[target.host, target.port] = address

    def _response(self, target: Target, answer: httpcore2.Response, limit: int | None) -> httpx2.Response:
        if sum(len(name) + len(value) + 4 for name, value in answer.headers) > self._policy.header_bytes:
            raise self._header_too_large(target)
        headers = httpx2.Headers(answer.headers)
        length = headers.get("content-length", "")
        if limit is not None and length.isdecimal() and int(length) > limit:
            raise _too_large(target.host, limit)
        try:
            decoder = decoder_for(headers.get("content-encoding", ""))
        except UndecodableBody as error:
            raise _undecodable(target.host, error) from error
        # The layers above would undo the encoding a second time.
        undone = (b"content-encoding", b"content-length") if decoder is not None else ()
        return httpx2.Response(
            answer.status,
            headers=[(name, value) for name, value in answer.headers if name.lower() not in undone],
            stream=_Body(answer, decoder, limit or 0, target.host),
        )

    def _header_too_large(self, target: Target) -> AnswerTooLarge:
        limit = self._policy.header_bytes
        return AnswerTooLarge(
            f"The header of the answer of {target.host} is larger than {limit} bytes.",
            host=target.host,
            limit_bytes=limit,
        )


class GuardedTransport(httpx2.AsyncBaseTransport):
    """What a vendor's SDK calls through. Closing it leaves the connections to the client that made it."""

    def __init__(self, wire: Wire, limit: int) -> None:
        self._wire = wire
        self._limit = limit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request of the SDK, its body and its answer streaming."""
        response = await self._wire.exchange(request, self._limit)
        # The client above has a cookie jar, and may be shared by many callers.
        response.headers.pop("set-cookie", None)
        return response


class _Body(httpx2.AsyncByteStream):
    """The body of an answer: decoded, counted, and cut off at the limit.

    Iterated again it gives what is left as it comes over the wire: SDKs do that to drain a stream after its last event.
    """

    def __init__(self, answer: httpcore2.Response, decoder: Decoder | None, limit: int, host: str) -> None:
        self._answer = answer
        self._decoder = decoder
        self._limit = limit
        self._host = host
        self._received = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decoder, self._decoder = self._decoder, None
        given = 0
        source = cast(AsyncIterable[bytes], self._answer.stream)
        try:
            async with aclosing(cast(AsyncGenerator[bytes], aiter(source))) as wire:
                async for chunk in wire:
                    self._received += len(chunk)
                    self._check(self._received)
                    for piece in decoder.feed(chunk) if decoder is not None else (chunk,):
                        given += len(piece)
                        self._check(given)
                        yield piece
            if decoder is not None:
                decoder.finish()
        except tuple(_ERRORS) as error:
            _raise_as_httpx(error)
        except UndecodableBody as error:
            raise _undecodable(self._host, error) from error

    async def aclose(self) -> None:
        await self._answer.aclose()

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise _too_large(self._host, self._limit)


def _is_endless_header(error: httpcore2.RemoteProtocolError) -> bool:
    # What h11 found is the argument: a header that does not end within httpcore's buffer, which exceeds our limit.
    return any(getattr(found, "error_status_hint", None) == 431 for found in error.args)


def _has_body(method: str, status: int) -> bool:
    return method != "HEAD" and status not in (204, 304)


def _too_large(host: str, limit: int) -> AnswerTooLarge:
    return AnswerTooLarge(f"The answer of {host} is larger than {limit} bytes.", host=host, limit_bytes=limit)


def _undecodable(host: str, error: UndecodableBody) -> EgressFailed:
    return EgressFailed(f"The answer of {host} cannot be decompressed: {error}.", host=host)


def _raise_as_httpx(error: BaseException) -> NoReturn:
    raise _ERRORS[type(error)](str(error)) from error
