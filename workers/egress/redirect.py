"""Following a redirect by hand: what the next request is, and what it must not carry along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urljoin

from workers.egress.url import Target

_TO_GET = frozenset((301, 302, 303))
_SAME = frozenset((307, 308))
_OF_THE_BODY = frozenset(("content-type", "content-encoding", "content-language", "content-location"))
_CREDENTIALS = frozenset(
    ("authorization", "cookie", "proxy-authorization", "x-api-key", "api-key", "x-auth-token", "x-goog-api-key")
)


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a call. Header names are in lower case."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    content: bytes | None

    def without(self, names: frozenset[str]) -> Hop:
        """The same request without these headers."""
        return replace(self, headers=tuple((name, value) for name, value in self.headers if name not in names))


def next_hop(hop: Hop, at: Target, status: int, location: str | None) -> Hop | None:
    """The request that this answer asks for, None when it asks for none. It is as unchecked as the first one was."""
    if not location or status not in _TO_GET | _SAME:
        return None
    following = replace(hop, url=urljoin(at.url, location))
    if status in _TO_GET:
        method = hop.method if hop.method in ("GET", "HEAD") else "GET"
        following = replace(following, method=method, content=None).without(_OF_THE_BODY)
    return following


def leaving(hop: Hop, before: Target, now: Target) -> Hop:
    """The request for `now`: credentials stay with the origin they were given for, and do not come back later."""
    return hop if now.origin == before.origin else hop.without(_CREDENTIALS)
