"""TLS is spoken with the name of the URL at the address that was checked, and the certificate is looked at."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.workers.egress.loopback import calling, names, reply, serving
from workers.egress import EgressFailed

# For shop.example, until 2126.
CERTIFICATE = Path(__file__).with_name("shop.example.pem")
KNOWN = {"shop.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}


@pytest.fixture
def ours() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


async def test_the_name_is_asked_for_and_verified_at_the_checked_address(
    ours: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    asked_for: list[str | None] = []
    ours.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with (
        serving(lambda asked: reply(body=b"safe"), tls=ours) as server,
        calling(server, resolve=names(KNOWN), tls=trusting) as client,
    ):
        for _ in range(2):
            answer = await client.request("GET", server.url("/x", host="shop.example", scheme="https"))
    assert answer.body == b"safe"
    assert asked_for == ["shop.example"]
    assert server.asked[0].headers["host"] == f"shop.example:{server.port}"


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_not_accepted(
    ours: ssl.SSLContext, trusting: ssl.SSLContext, host: str
) -> None:
    async with (
        serving(lambda asked: reply(), tls=ours) as server,
        calling(server, resolve=names(KNOWN), tls=trusting) as client,
    ):
        with pytest.raises(EgressFailed, match=f"certificate of {host} was not accepted") as finding:
            await client.request("GET", server.url(host=host, scheme="https"))
    assert not finding.value.retryable
    assert server.asked == []


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(ours: ssl.SSLContext) -> None:
    async with serving(lambda asked: reply(), tls=ours) as server, calling(server, resolve=names(KNOWN)) as client:
        with pytest.raises(EgressFailed, match="certificate"):
            await client.request("GET", server.url(host="shop.example", scheme="https"))
    assert server.asked == []


async def test_the_server_may_not_choose_another_protocol(ours: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    ours.set_alpn_protocols(["h2", "http/1.1"])
    async with (
        serving(lambda asked: reply(body=b"one"), tls=ours) as server,
        calling(server, resolve=names(KNOWN), tls=trusting) as client,
    ):
        answer = await client.request("GET", server.url(host="shop.example", scheme="https"))
    assert answer.body == b"one"
