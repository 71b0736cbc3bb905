"""What every answer tells browsers: load nothing from elsewhere, guess no types, show it in nobody's frame."""

from __future__ import annotations

from typing import Final

Header = tuple[bytes, bytes]

_ALWAYS: Final[tuple[Header, ...]] = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none';"
        b" form-action 'self'; img-src 'self' data:",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_HSTS: Final[Header] = (b"strict-transport-security", b"max-age=31536000")


def secure(headers: list[Header], *, https: bool) -> list[Header]:
    """The headers with ours behind them, where the route did not choose its own."""
    said = {name for name, _ in headers}
    more: list[Header] = [one for one in _ALWAYS if one[0] not in said]
    if https:
        # Over plain http it would mean nothing, and on one's own machine lock other programs' ports out.
        more.append(_HSTS)
    return headers + more
