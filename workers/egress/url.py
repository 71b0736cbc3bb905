"""Reading a URL: every check that needs no look-up, in a fixed order, and what is left to connect to."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from workers.egress.address import Address
from workers.egress.failures import BadUrl, refused
from workers.egress.host import UnfitHost, check_name, literal, to_ascii
from workers.egress.policy import EgressPolicy

MAX_LENGTH = 4096
_SHAPE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?"
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>0|[1-9][0-9]{0,4}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"[!-\[\]-~]+")  # what is printable in ASCII, without the backslash
_BLANK = ("Cc", "Cs", "Zl", "Zp", "Zs")  # controls, half characters, every kind of space
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. The host is ASCII and lower case, without brackets; `address` is set when it is no name."""

    scheme: str
    host: str
    port: int
    address: Address | None
    path: str
    """Path and query, in ASCII."""

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What decides whether a redirect may take credentials along."""
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        """The URL in its normal form, without a fragment."""
        return f"{self.scheme}://{self.authority}{self.path}"


def read_url(url: str, policy: EgressPolicy) -> Target:
    """Check a URL as far as it can be checked without a look-up.

    Raises `BadUrl` for a text that is no http or https URL, `EgressRefused` for one that leads where no call may go. A
    name's addresses are still to be checked.
    """
    _check_text(url)
    if (match := _SHAPE.fullmatch(url)) is None:
        raise BadUrl("This is no URL: it must start with http:// or https:// and name a host.")
    if (scheme := match["scheme"].lower()) not in _DEFAULT_PORTS:
        raise BadUrl("Only http and https URLs can be called.")
    authority = match["authority"]
    if not authority:
        raise BadUrl("This URL names no host.")
    if "@" in authority:
        raise refused("the URL carries user information")
    if "%" in authority:
        raise refused("the host is escaped")
    if (parts := _AUTHORITY.fullmatch(authority)) is None or not parts["host"]:
        raise refused("the authority is no host with a port")
    port = _DEFAULT_PORTS[scheme] if parts["port"] is None else int(parts["port"])
    host, address = _read_host(parts["host"], port, policy)
    path = _to_ascii((match["path"] or "/") + (match["query"] or ""))
    target = Target(scheme, host, port, address, path)
    if len(target.url) > MAX_LENGTH:
        raise BadUrl(f"The URL is longer than {MAX_LENGTH} characters.", limit=MAX_LENGTH)
    return target


def _check_text(url: str) -> None:
    if len(url) > MAX_LENGTH:
        raise BadUrl(f"The URL is longer than {MAX_LENGTH} characters.", limit=MAX_LENGTH)
    if _PLAIN.fullmatch(url):
        return
    for position, char in enumerate(url):
        if char == "\\" or unicodedata.category(char) in _BLANK:
            raise BadUrl(
                "The URL contains a space, a backslash or a control character; write it in its escaped form.",
                position=position,
            )


def _read_host(text: str, port: int, policy: EgressPolicy) -> tuple[str, Address | None]:
    try:
        host = to_ascii(text)
        address = literal(host)
        if address is not None:
            host = str(address)
        if (objection := policy.port_objection(host, address, port)) is not None:
            raise refused(objection, host=host, port=port)
        if address is None:
            check_name(host)
    except UnfitHost as error:
        # Escaped: signs that turn the direction of writing would let a log line read as another.
        raise refused(str(error), host=text[:100].encode("ascii", "backslashreplace").decode()) from None
    return host, address


def _to_ascii(path: str) -> str:
    """Escape what is not ASCII, as a browser does; what is ASCII stays as it was written."""
    return path if path.isascii() else quote(path, safe=_ASCII)
