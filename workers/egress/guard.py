"""The check before every call: the URL, then one look-up, then every address the name has."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

from workers.egress.address import Address, parse_address
from workers.egress.failures import HostNotFound, refused
from workers.egress.policy import EgressPolicy
from workers.egress.url import Target, read_url

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Looks up a name for a port: all its addresses, v4 and v6, as text."""


async def system_resolve(host: str, port: int) -> list[str]:
    """Ask the resolver of the operating system, once, for both families."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_threads(), look_up)
    return [str(address[0]) for *_, address in found]


@cache
def _threads() -> ThreadPoolExecutor:
    # A look-up cannot be cancelled, and whoever owns the name may let it hang: not in the threads of everything else.
    return ThreadPoolExecutor(max_workers=32, thread_name_prefix="egress-resolve")


@dataclass(frozen=True, slots=True)
class Route:
    """A target that may be called, and the addresses that were checked for it, in the order of the resolver."""

    target: Target
    addresses: tuple[Address, ...]


class Guard:
    """Says for a URL where a connection may go. Every request and every redirect asks anew."""

    def __init__(self, policy: EgressPolicy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve

    async def route(self, url: str) -> Route:
        """Check the URL and look its host up. Raises `BadUrl`, `EgressRefused`, or `HostNotFound`."""
        target = read_url(url, self._policy)
        addresses = (target.address,) if target.address is not None else await self._look_up(target)
        for address in addresses:
            if (objection := self._policy.address_objection(target.host, address, target.port)) is not None:
                raise refused(objection, host=target.host, address=str(address), port=target.port)
        return Route(target, addresses)

    async def _look_up(self, target: Target) -> tuple[Address, ...]:
        try:
            async with asyncio.timeout(self._policy.connect_seconds):
                found = await self._resolve(target.host, target.port)
        except OSError as error:  # a TimeoutError is one too
            raise HostNotFound(f"{target.host} could not be looked up") from error
        addresses: list[Address] = []
        for text in dict.fromkeys(found):
            if (address := parse_address(text)) is None:
                raise refused("the name has an address that cannot be read", host=target.host, address=text[:100])
            addresses.append(address)
        if not addresses:
            raise HostNotFound(f"{target.host} has no address")
        return tuple(addresses)
