"""The host of a URL: an address in its one plain spelling, or a name that the public DNS could hold."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import idna

from workers.egress.address import Address

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What the resolver of the C library, and with it most programs, would read as a number: 127, 0177, 0x7f.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_QUAD = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_INTERNAL = ("internal", "local", "localhost", "svc", "cluster.local")


class UnfitHost(ValueError):
    """The host is none that we call; the text says why, for the log."""


def to_ascii(host: str) -> str:
    """The host in ASCII, lower case and without the root dot: as it is looked up, checked, and sent."""
    if not host.isascii():
        try:
            # UTS 46 as in a browser: wide letters and digits become plain ones, and then meet the rules below.
            host = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
        except idna.IDNAError as error:
            raise UnfitHost("the name is no international domain name") from error
    return host.lower().removesuffix(".")


def literal(host: str) -> Address | None:
    """The address that this host is, None when it is a name. Any spelling but the plain one is unfit."""
    if host.startswith("["):
        try:
            return IPv6Address(host[1:-1])
        except ValueError as error:
            raise UnfitHost("the brackets hold no IPv6 address") from error
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    try:
        if _QUAD.fullmatch(host):
            return IPv4Address(host)  # refuses leading zeros, which others read as octal
    except ValueError as error:
        raise UnfitHost("the number is no plain IPv4 address") from error
    raise UnfitHost("the number is no plain IPv4 address")


def check_name(name: str) -> None:
    """Raise `UnfitHost` unless this is a name that the public DNS could hold."""
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UnfitHost("the host is no host name")
    if len(labels) == 1:
        raise UnfitHost("the name has a single label")
    if any(name.endswith("." + suffix) for suffix in _INTERNAL):
        raise UnfitHost("the name is internal by its ending")
