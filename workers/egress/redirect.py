"""Following a redirect by hand: what the next request is, and what it must not carry along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urljoin

from workers.egress.url import Target

_TO_GET = frozenset((301, 302, 303))
_SAME = frozenset((307, 308))
_OF_THE_BODY = frozenset(("content-type", "content-encoding", "content-language", "content-location"))
# Any other header may be a key: authors and plugins name theirs as they like.
_NO_CREDENTIALS = frozenset(
    (
        "accept", "accept-language", "cache-control", "idempotency-key", "if-match", "if-modified-since",
        "if-none-match", "if-unmodified-since", "pragma", "prefer", "range", "user-agent",
    )
) | _OF_THE_BODY  # fmt: skip


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
    if now.origin == before.origin:
        return hop
    return hop.without(frozenset(name for name, _ in hop.headers) - _NO_CREDENTIALS)
