"""Who really asks, where proxies stand in front: only those that the operator names are believed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network

_MOST_HOPS: Final = 32


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and CIDR ranges. Raises `ValueError`, which names the one that is neither."""
    return tuple(ip_network(text, strict=False) for text in texts)


class TrustedProxies:
    """Takes the client's address and the scheme from `X-Forwarded-For` and `X-Forwarded-Proto` of a trusted proxy.

    Read from its end: each proxy adds whom it heard from, and what stands before the first one that is not trusted may
    have been written by anybody.
    """

    def __init__(self, app: ASGIApp, networks: tuple[Network, ...]) -> None:
        self._app = app
        self._networks = networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._trusted(_peer(scope)):
            scope = {**scope, **self._told(scope)}
        await self._app(scope, receive, send)

    def _told(self, scope: Scope) -> Scope:
        told: Scope = {}
        if (client := self._client(_header(scope, b"x-forwarded-for"))) is not None:
            told["client"] = (client, 0)
        # The last one: it is what the proxy in front of us says.
        scheme = _header(scope, b"x-forwarded-proto").rpartition(",")[2].strip().lower()
        if scheme in {"http", "https"}:
            told["scheme"] = scheme
        return told

    def _client(self, chain: str) -> str | None:
        hops = [one.strip() for one in chain.split(",")][-_MOST_HOPS:]
        found = None
        for hop in reversed(hops):
            if (address := _address(hop)) is None:
                return found
            found = address
            if not self._trusted(address):
                return found
        return found

    def _trusted(self, address: str | None) -> bool:
        if address is None or (known := _address(address)) is None:
            return False
        parsed = ip_address(known)
        return any(parsed in network for network in self._networks)


def block_of(address: str) -> str:
    """What counts as one address: of IPv6 the network that one household has, for each has more than can be counted."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed.packed[:8] + bytes(8), 64)))
    return _address(address) or address[:64]


def _address(text: str) -> str | None:
    text = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    if text.count(":") == 1 and "." in text:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return None if client is None else str(client[0])


def _header(scope: Scope, name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
