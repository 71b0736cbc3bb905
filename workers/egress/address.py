"""Which IP addresses are the public internet, by our own list."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# `is_global` and `is_private` of the standard library are not asked: CVE-2024-4032, and CPython 3.11.7 still calls
# 192.0.0.192, 64:ff9b::7f00:1 and 64:ff9b:1::a9fe:a9fe global.

# No allow-list opens these: they are nobody's private service, or they are one that gives out a machine's credentials.
_NEVER = (
    ("0.0.0.0/8", "this host"),
    ("169.254.0.0/16", "link-local, cloud metadata"),
    ("100.100.100.200/32", "cloud metadata"),
    ("192.0.0.192/32", "cloud metadata"),
    ("168.63.129.16/32", "cloud metadata"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("::/96", "unspecified, or an IPv4 address in the compatible form"),
    ("::ffff:0:0/96", "an IPv4 address in the mapped form"),
    ("::ffff:0:0:0/96", "an IPv4 address in the translated form"),
    ("64:ff9b::/96", "an IPv4 address behind NAT64"),
    ("64:ff9b:1::/48", "an IPv4 address behind local NAT64"),
    ("2001::/32", "an IPv4 address inside Teredo"),
    ("2002::/16", "an IPv4 address inside 6to4"),
    ("fd00:ec2::/32", "cloud metadata"),
    ("fd20:ce::254/128", "cloud metadata"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
)

# The set of RFC 6890 and its successors in the IANA registries of special-purpose addresses.
_NOT_PUBLIC = (
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers"),
    ("127.0.0.0/8", "loopback"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("240.0.0.0/4", "reserved"),
    ("::1/128", "loopback"),
    ("100::/64", "discarded"),
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private"),
    ("fec0::/10", "site-local"),
)
_LOOPBACK = IPv6Address("::1")
_GLOBAL_UNICAST = IPv6Network("2000::/3")

_Table = tuple[tuple[Network, str], ...]


def _table(rows: tuple[tuple[str, str], ...]) -> _Table:
    return tuple((ip_network(cidr), what) for cidr, what in rows)


_NEVER_TABLE = _table(_NEVER)
_NOT_PUBLIC_TABLE = _table(_NOT_PUBLIC)


def parse_address(text: str) -> Address | None:
    """The address that this text is, or nothing; one with a zone (`fe80::1%eth0`) is none that we could call."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else address


@lru_cache(maxsize=4096)
def why_never(address: Address) -> str | None:
    """What this address is, if nothing whatever may open it: cloud metadata above all, in any spelling."""
    if address == _LOOPBACK:  # lies in ::/96, but is an address in its own right
        return None
    return _find(_NEVER_TABLE, address)


def why_never_within(network: Network) -> str | None:
    """What all of this network is, if nothing may open any of it."""
    if network.num_addresses == 1:
        return why_never(network[0])
    return next((what for closed, what in _NEVER_TABLE if _holds(closed, network)), None)


@lru_cache(maxsize=4096)
def why_not_public(address: Address) -> str | None:
    """What this address is, if it is not one of the public internet."""
    reason = why_never(address) or _find(_NOT_PUBLIC_TABLE, address)
    if reason is None and isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "outside global unicast"
    return reason


def _holds(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner[0] in outer and inner[-1] in outer


def _find(table: _Table, address: Address) -> str | None:
    return next((what for network, what in table if address in network), None)
