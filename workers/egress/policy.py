"""What the instance lets out: the limits of a call, and the few places besides the public internet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_network

from workers.egress.address import Address, Network, why_never, why_never_within, why_not_public
from workers.egress.host import UnfitHost, check_name, literal, to_ascii

_ENTRY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:/\[\]@\s]+)(?::(?P<port>[1-9][0-9]{0,4}))?")

# Ports from 1024 up where a database, a queue, a cluster or a desktop listens and HTTP is not what is wanted of it.
_SERVICE_PORTS = {
    1099, 1433, 1434, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3306, 3389, 3659,
    4045, 4190, 4222, 4369, 5060, 5061, 5432, 5433, 5672, 5900, 5901, 5984, 5985, 5986, 6000, 6379, 6380, 6443,
    6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 7000, 7001, 7233, 7234, 7235, 7239, 8086, 8200, 8300, 8301,
    8500, 8600, 8883, 9042, 9092, 9160, 9200, 9300, 10080, 10250, 10255, 10256, 11211, 15672, 19530, 25672,
    26257, 26379, 27017, 27018, 27019, 28017,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opening:
    """One entry of an allow-list: a host, an address or a network, and maybe one port of it."""

    name: str | None
    network: Network | None
    port: int | None

    @classmethod
    def parse(cls, entry: str) -> Opening:
        """Read `host`, `host:port` or a CIDR. Raises `ValueError` for what is none, or could never take effect."""
        if (network := _network(entry)) is not None:
            return cls.on(network, None, entry)
        if (match := _ENTRY.fullmatch(entry)) is None or int(match["port"] or 1) > 65535:
            raise ValueError(f"{entry!r} in the allow-list is no host, host:port or network like 10.0.0.0/8.")
        port = int(match["port"]) if match["port"] else None
        try:
            host = to_ascii(match["host"])
            if (address := literal(host)) is not None:
                return cls.on(ip_network(address), port, entry)
            check_name(host)
        except UnfitHost as error:
            raise ValueError(f"{entry!r} in the allow-list cannot be opened: {error}. Name its address.") from error
        return cls(host, None, port)

    @classmethod
    def on(cls, network: Network, port: int | None, entry: str) -> Opening:
        """An entry that speaks of addresses. Raises `ValueError` where all of them stay closed whatever is allowed."""
        if (what := why_never_within(network)) is not None:
            raise ValueError(f"{entry!r} in the allow-list cannot be opened: it is {what}.")
        return cls(None, network, port)

    def covers(self, host: str, address: Address | None) -> bool:
        """Whether it speaks of this host, or of the address it has."""
        if self.network is None:
            return self.name == host
        return address is not None and address in self.network


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The limits, and the allow-list. An entry lifts the private-range rule; one with a port lifts the port rule too.

    `allow` is what the operator of the instance permits. `organisation_allow`, where given, is what the organisation's
    admin asked for: then a place is open only if both lists hold it. Metadata addresses and internal names stay closed.
    """

    allow: tuple[str, ...] = ()
    organisation_allow: tuple[str, ...] | None = None
    connect_seconds: float = 5.0
    header_bytes: int = 64 * 1024
    body_bytes: int = 10 * 1024 * 1024
    """Decompressed, and as it comes over the wire."""
    stream_bytes: int = 64 * 1024 * 1024
    """The same for answers read through `EgressClient.transport`."""
    redirects: int = 5
    connections: int = 100
    idle_connections: int = 20
    idle_seconds: float = 30.0
    _lists: tuple[tuple[Opening, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lists = [self.allow] if self.organisation_allow is None else [self.allow, self.organisation_allow]
        object.__setattr__(self, "_lists", tuple(tuple(map(Opening.parse, entries)) for entries in lists))

    def port_objection(self, host: str, address: Address | None, port: int) -> str | None:
        """Why this port of this host may not be called. `address` is what the host is, if it is no name."""
        if port in (80, 443) or (1024 <= port <= 65535 and port not in _SERVICE_PORTS):
            return None
        if all(any(o.port == port and o.covers(host, address) for o in openings) for openings in self._lists):
            return None
        return "the port is not one for calls"

    def address_objection(self, host: str, address: Address, port: int) -> str | None:
        """Why this address, which the host has, may not be called."""
        if (never := why_never(address)) is not None:
            return f"the address is {never}"
        if (reason := why_not_public(address)) is None:
            return None
        if all(any(o.port in (None, port) and o.covers(host, address) for o in openings) for openings in self._lists):
            return None
        return f"the address is {reason}"
