"""Proxies: those that are named are believed, in the order in which they heard of each other; nobody else is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from api.proxies import TrustedProxies, block_of, read_networks
from conf.settings import Settings

TRUSTED = read_networks(("10.0.0.0/8", "192.0.2.1", "fd00::/8"))


async def seen(peer: str | None, **headers: str) -> tuple[str | None, str]:
    """From where, and by which scheme, the application behind it is asked."""
    found: Scope = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.update(scope)

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        return None

    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    client: Any = None if peer is None else (peer, 1)
    scope: Scope = {"type": "http", "client": client, "scheme": "http", "headers": sent}
    await TrustedProxies(app, TRUSTED)(scope, receive, send)
    return None if found["client"] is None else found["client"][0], found["scheme"]


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (None, "198.51.100.1", None),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "evil, 1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.9.9.9, 192.0.2.1", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:DB8::1", "2001:db8::1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "什么, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "1.1.1.1, <script>, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", ", ".join(["9.9.9.9"] * 5_000 + ["10.0.0.2"] * 40), "10.0.0.2"),
    ],
)
async def test_the_client_is_the_first_from_the_end_that_is_no_proxy(
    peer: str | None, told: str, client: str | None
) -> None:
    assert (await seen(peer, x_forwarded_for=told))[0] == client


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        ("10.0.0.1", "https", "https"), ("10.0.0.1", "http, HTTPS", "https"), ("10.0.0.1", "https, http", "http"),
        ("10.0.0.1", "javascript", "http"), ("10.0.0.1", "", "http"), ("203.0.113.7", "https", "http"),
    ],
)  # fmt: skip
async def test_the_scheme_is_what_the_nearest_proxy_says(peer: str, told: str, scheme: str) -> None:
    assert (await seen(peer, x_forwarded_proto=told))[1] == scheme


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("testclient", "testclient"),
        ("x" * 300, "x" * 64),
    ],
)
def test_what_counts_as_one_address(address: str, block: str) -> None:
    assert block_of(address) == block


def test_proxies_that_are_no_addresses_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINSPRING_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")
    assert Settings().trusted_proxies == ("10.0.0.0/8", "127.0.0.1")
    monkeypatch.setenv("MAINSPRING_TRUSTED_PROXIES", "10.0.0.0/8,proxy.example")
    with pytest.raises(ValidationError):
        Settings()
