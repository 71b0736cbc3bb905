"""Connecting: to the address that was checked, whatever the name says by now, and to nothing else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from workers.egress.address import Address, parse_address
from workers.egress.failures import refused
from workers.egress.policy import EgressPolicy


def pool_key(host: str, address: Address) -> bytes:
    """What stands in the pool for the host: a connection is shared by calls to one name at one checked address.

    An @ is in no host name that passed the checks, so a key is never taken for one, nor looked up.
    """
    return f"{host}@{address}".encode("ascii")


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens the connections of a pool whose hosts are pool keys."""

    def __init__(self, policy: EgressPolicy, network: httpcore2.AsyncNetworkBackend) -> None:
        self._policy = policy
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect, and see that the other end is who was checked, before a byte is sent."""
        name, _, address = host.rpartition("@")
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        stream = await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
        if (objection := self._objection(name, address, port, stream)) is not None:
            await stream.aclose()
            raise refused(objection, host=name, address=address, port=port)
        return _Connection(stream, deadline)

    async def sleep(self, seconds: float) -> None:
        """Part of the interface; the pool sleeps only between retries, and it makes none."""
        await self._network.sleep(seconds)

    def _objection(self, name: str, address: str, port: int, stream: httpcore2.AsyncNetworkStream) -> str | None:
        match stream.get_extra_info("server_addr"):
            case (str(peer_text), *_) if (peer := parse_address(peer_text)) is not None:
                if str(peer) != address:
                    return f"the connection leads to {peer}"
                return self._policy.address_objection(name, peer, port)
            case _:
                return "the connection does not say where it leads"


class _Connection(httpcore2.AsyncNetworkStream):
    """A stream whose TLS handshake shares the time of its connect, where the pool would give each the whole of it.

    What TLS finds wrong later is an error of the network: the backend lets it through as an `ssl.SSLError`.
    """

    def __init__(self, stream: httpcore2.AsyncNetworkStream, deadline: float | None) -> None:
        self._stream = stream
        self._deadline = deadline

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return await self._stream.read(max_bytes, timeout)
        except ssl.SSLError as error:
            raise httpcore2.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self._stream.write(buffer, timeout)
        except ssl.SSLError as error:
            raise httpcore2.WriteError(str(error)) from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        left = timeout
        if self._deadline is not None:
            left = max(0.0, self._deadline - asyncio.get_running_loop().time())
        return _Connection(await self._stream.start_tls(ssl_context, server_hostname, left), None)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
