"""What the guard lets through, and what it refuses before anybody is called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.workers.egress.corpus import BENIGN, MALFORMED, NAMES, PUBLIC, REFUSED, resolve
from tests.workers.egress.loopback import Detour, LoopbackOnly, Nowhere, names, redirect, reply, serving
from workers.egress import BadUrl, EgressClient, EgressPolicy, EgressRefused, EgressUnavailable
from workers.egress.guard import system_resolve

TEXT = "This address may not be called from here; an operator can allow it with MAINSPRING_EGRESS_ALLOW."


@pytest.fixture
def network() -> Nowhere:
    return Nowhere()


@pytest.fixture
async def client(network: Nowhere) -> AsyncIterator[EgressClient]:
    client = EgressClient(EgressPolicy(), resolve=resolve, network=network)
    yield client
    await client.aclose()


def test_the_corpus_is_large_and_repeats_nothing() -> None:
    assert len(REFUSED) >= 100
    assert len({*REFUSED, *MALFORMED}) == len(REFUSED) + len(MALFORMED)


@pytest.mark.parametrize("url", REFUSED, ids=ascii)
async def test_an_address_that_may_not_be_called_is_refused_before_any_connection(
    client: EgressClient, network: Nowhere, url: str
) -> None:
    with capture_logs() as logs, pytest.raises(EgressRefused) as refusal:
        await client.request("GET", url)
    assert network.called == []
    assert refusal.value.message == TEXT
    assert refusal.value.facts == {}
    assert (refusal.value.code, refusal.value.retryable) == ("egress_refused", False)
    assert [entry["event"] for entry in logs] == ["egress refused"]
    assert logs[0]["reason"]


@pytest.mark.parametrize("url", REFUSED, ids=ascii)
async def test_opening_every_network_opens_only_what_is_private(url: str) -> None:
    network = Nowhere()
    everything = EgressPolicy(allow=("0.0.0.0/0", "::/0"))
    client = EgressClient(everything, resolve=resolve, network=network)
    with pytest.raises((EgressRefused, EgressUnavailable)):
        await client.request("GET", url)
    await client.aclose()
    closed = (
        "169.254.",
        "100.100.100.200",
        "fd00:ec2:",
        "64:ff9b:",
        "::ffff:",
        "2002:",
        "2001:0:",
        "0.",
        "255.255.",
        "ff02:",
    )
    assert not [address for address, _ in network.called if address.startswith(closed)]


@pytest.mark.parametrize("url", MALFORMED, ids=lambda url: ascii(url[:40]))
async def test_a_text_that_is_no_url_is_said_to_be_none(client: EgressClient, network: Nowhere, url: str) -> None:
    with pytest.raises(BadUrl) as finding:
        await client.request("GET", url)
    assert network.called == []
    assert finding.value.message.endswith(".")
    assert not finding.value.retryable


@pytest.mark.parametrize(("url", "address", "port", "host"), BENIGN, ids=[ascii(row[0]) for row in BENIGN])
async def test_a_public_address_is_called(
    client: EgressClient, network: Nowhere, url: str, address: str, port: int, host: str
) -> None:
    with pytest.raises(EgressUnavailable) as finding:
        await client.request("GET", url)
    assert network.called == [(address, port)]
    assert finding.value.retryable
    assert finding.value.facts == {"host": host.partition(":")[0] if "[" not in host else address}


async def test_a_refusal_does_not_tell_what_it_saw(client: EgressClient) -> None:
    said = set[tuple[str, str]]()
    for url in REFUSED:
        with pytest.raises(EgressRefused) as refusal:
            await client.request("GET", url)
        said.add((str(refusal.value), repr(refusal.value.facts)))
    assert said == {(TEXT, "{}")}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://user@example.com/", "the URL carries user information"),
        ("http://exampl%65.com/", "the host is escaped"),
        ("http://example.com:0/", "the port is not one for calls"),
        ("http://[::zz]/", "the brackets hold no IPv6 address"),
        ("http://0x7f.1/", "the number is no plain IPv4 address"),
        ("http://redis/", "the name has a single label"),
        ("http://vault.internal/", "the name is internal by its ending"),
        ("http://a_b.example.com/", "the host is no host name"),
        ("http://10.0.0.1/", "the address is private"),
        ("http://metadata.attacker.test/", "the address is link-local, cloud metadata"),
        ("http://zone-public.attacker.test/", "the name has an address that cannot be read"),
    ],
)
async def test_the_log_says_why(client: EgressClient, url: str, reason: str) -> None:
    with capture_logs() as logs, pytest.raises(EgressRefused):
        await client.request("GET", url)
    assert [entry["reason"] for entry in logs] == [reason]


async def test_the_log_keeps_no_secret_of_the_url(client: EgressClient) -> None:
    with capture_logs() as logs:
        for url in ("http://me:hunter2@example.com/?k=hunter2", "http://10.0.0.1/hunter2?k=hunter2#hunter2"):
            with pytest.raises(EgressRefused):
                await client.request("GET", url)
    assert len(logs) == 2
    assert "hunter2" not in repr(logs)


async def test_the_log_shows_a_host_in_signs_that_cannot_deceive(client: EgressClient) -> None:
    with capture_logs() as logs, pytest.raises(EgressRefused):
        await client.request("GET", "http://\u202emoc.elpmaxe/")
    assert logs[0]["host"] == "\\u202emoc.elpmaxe"


async def test_a_name_that_does_not_exist_may_exist_later() -> None:
    client = EgressClient(EgressPolicy(), resolve=names({}), network=Nowhere())
    with pytest.raises(EgressUnavailable, match=r"gone\.example\.com could not be found") as finding:
        await client.request("GET", "http://gone.example.com/")
    assert finding.value.retryable
    await client.aclose()


async def test_a_name_without_an_address_is_not_found() -> None:
    client = EgressClient(EgressPolicy(), resolve=names({"empty.example.com": []}), network=Nowhere())
    with pytest.raises(EgressUnavailable, match="could not be found"):
        await client.request("GET", "http://empty.example.com/")
    await client.aclose()


async def test_the_system_resolves_a_name_to_its_addresses() -> None:
    assert "127.0.0.1" in await system_resolve("localhost", 80)


async def test_a_look_up_that_never_ends_is_given_up() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    client = EgressClient(EgressPolicy(connect_seconds=0.05), resolve=silent, network=Nowhere())
    with pytest.raises(EgressUnavailable, match="could not be found"):
        await client.request("GET", "http://slow.example.com/")
    await client.aclose()


async def test_the_name_is_looked_up_once_so_that_it_cannot_change_before_the_connection() -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0)

    network = Nowhere()
    client = EgressClient(EgressPolicy(), resolve=rebinding, network=network)
    with pytest.raises(EgressUnavailable):
        await client.request("GET", "http://rebind.attacker.test/")
    assert network.called == [(PUBLIC, 80)]
    # The second try looks up anew, and is refused.
    with pytest.raises(EgressRefused):
        await client.request("GET", "http://rebind.attacker.test/")
    assert network.called == [(PUBLIC, 80)]
    await client.aclose()


@pytest.mark.parametrize("url", ["http://example.com/", "https://example.com/"])
async def test_a_connection_that_leads_elsewhere_is_closed_before_a_byte_is_sent(url: str) -> None:
    async with serving(lambda asked: reply()) as server:
        network = Detour(server.port)
        client = EgressClient(EgressPolicy(), resolve=resolve, network=network)
        with pytest.raises(EgressRefused):
            await client.request("POST", url, content=b"secret")
        await client.aclose()
        assert network.called == [(PUBLIC, 443 if "https" in url else 80)]
    assert (server.connections, server.received, server.asked) == (1, 0, [])


async def test_a_connection_that_leads_elsewhere_is_refused_even_if_that_place_is_open() -> None:
    async with serving(lambda asked: reply()) as server:
        policy = EgressPolicy(allow=(server.place, "127.0.0.0/8"))
        client = EgressClient(policy, resolve=resolve, network=Detour(server.port))
        with pytest.raises(EgressRefused):
            await client.request("GET", "http://example.com/")
        await client.aclose()
    assert server.asked == []


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:9/",
        "http://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://user:secret@example.com/",
        "http://localhost/",
        *(f"http://{name}/" for name in NAMES),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_what_may_not_be_called_is_refused(status: int, location: str) -> None:
    async with serving(lambda asked: redirect(location, status)) as server:
        client = EgressClient(EgressPolicy(allow=(server.place,)), resolve=resolve, network=LoopbackOnly())
        with pytest.raises(EgressRefused, match=TEXT):
            await client.request("GET", server.url())
        await client.aclose()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "http://a b/", "http:\\\\x\\"]
)
async def test_a_redirect_to_what_is_no_url_for_http_is_not_followed(location: str) -> None:
    async with serving(lambda asked: redirect(location)) as server:
        client = EgressClient(EgressPolicy(allow=(server.place,)), resolve=resolve, network=LoopbackOnly())
        with pytest.raises(BadUrl):
            await client.request("GET", server.url())
        await client.aclose()
