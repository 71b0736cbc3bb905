"""An allow-list opens exactly what it names, and never metadata."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from tests.workers.egress.corpus import PUBLIC, resolve
from tests.workers.egress.loopback import Nowhere, calling, names, reply, serving
from workers.egress import EgressClient, EgressPolicy, EgressRefused, EgressUnavailable


async def called(policy: EgressPolicy, url: str, known: dict[str, list[str]] | None = None) -> list[tuple[str, int]]:
    """Who would be called for this URL."""
    network = Nowhere()
    resolver = resolve if known is None else names(known)
    async with aclosing(EgressClient(policy, resolve=resolver, network=network)) as client:
        with pytest.raises((EgressRefused, EgressUnavailable)):
            await client.request("GET", url)
    return network.called


@pytest.mark.parametrize(
    ("entry", "url", "open_"),
    [
        ("10.0.0.8", "http://10.0.0.8/", True),
        ("10.0.0.8", "http://10.0.0.9/", False),
        ("10.0.0.8", "http://10.0.0.8:8080/", True),
        ("10.0.0.8", "http://10.0.0.8:22/", False),
        ("10.0.0.8:22", "http://10.0.0.8:22/", True),
        ("10.0.0.8:22", "http://10.0.0.8/", False),
        ("10.0.0.8:6379", "http://10.0.0.8:6379/", True),
        ("10.0.0.0/8", "http://10.200.0.1/", True),
        ("10.0.0.0/8", "http://10.200.0.1:6379/", False),
        ("10.0.0.0/8", "http://11.0.0.1/", True),
        ("10.0.0.0/8", "http://192.168.0.1/", False),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8081/", False),
        ("127.0.0.1:8080", "http://0x7f000001:8080/", False),
        ("127.0.0.1:8080", "http://[::ffff:127.0.0.1]:8080/", False),
        ("127.0.0.1:8080", "http://localhost:8080/", False),
        ("::1", "http://[::1]/", True),
        ("[::1]:8080", "http://[0:0::1]:8080/", True),
        ("[::1]:8080", "http://[::1]/", False),
        ("fd00::/8", "http://[fd12::1]/", True),
        ("fd00::/8", "http://[fd00:ec2::254]/", False),
        ("fc00::/7", "http://[fd20:ce::254]/", False),
        ("0.0.0.0/0", "http://169.254.169.254/", False),
        ("169.0.0.0/8", "http://169.254.169.254/", False),
        ("100.64.0.0/10", "http://100.100.100.200/", False),
        ("100.64.0.0/10", "http://100.100.100.201/", True),
        ("0.0.0.0/0", "http://0.0.0.0/", False),
        ("::/0", "http://[64:ff9b::a9fe:a9fe]/", False),
        ("private.attacker.test", "http://private.attacker.test/", True),
        ("private.attacker.test", "http://PRIVATE.attacker.test.:8080/", True),
        ("private.attacker.test", "http://private.attacker.test:6379/", False),
        ("private.attacker.test:6379", "http://private.attacker.test:6379/", True),
        ("private.attacker.test:6379", "http://private.attacker.test/", False),
        ("private.attacker.test", "http://sub.private.attacker.test/", True),
        ("private.attacker.test", "http://loopback.attacker.test/", False),
        ("private.attacker.test", "http://10.0.0.8/", False),
        ("metadata.attacker.test", "http://metadata.attacker.test/", False),
        ("mixed.attacker.test", "http://mixed.attacker.test/", True),
        ("192.168.1.0/24", "http://mixed.attacker.test/", True),
        ("10.0.0.0/8", "http://private.attacker.test/", True),
        ("10.0.0.8:80", "http://private.attacker.test/", True),
        ("内网.测试", "http://xn--5bro48c.xn--0zwm56d/", True),
        ("example.com:25", "http://example.com:25/", True),
        ("example.com:25", "http://user@example.com:25/", False),
    ],
)
async def test_an_entry_opens_what_it_names_and_no_more(entry: str, url: str, open_: bool) -> None:
    assert bool(await called(EgressPolicy(allow=(entry,)), url)) is open_


async def test_without_an_entry_a_private_name_is_closed() -> None:
    assert await called(EgressPolicy(), "http://private.attacker.test/") == []
    assert await called(EgressPolicy(), "http://example.com/") == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "entry",
    [
        "", " ", "http://10.0.0.1/", "10.0.0.1/8", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:x", "a b", "u@h.a.com",
        "*.example.com", "10.0.0", "0x7f.1", "localhost", "localhost:8080", "vault.internal", "redis:6379",
        "169.254.169.254", "169.254.169.254:80", "169.254.0.0/16", "100.100.100.200", "fd00:ec2::/32",
        "[fd00:ec2::254]:80", "metadata.google.internal", "[::ffff:10.0.0.1]:80", "::ffff:0:0/96", "[::1", "[a.com]:80",
    ],
)  # fmt: skip
def test_an_entry_that_could_open_nothing_is_said_to_be_wrong(entry: str) -> None:
    with pytest.raises(ValueError, match="in the allow-list"):
        EgressPolicy(allow=(entry,))


async def test_an_organisation_opens_only_what_the_operator_permits() -> None:
    operator, wish = ("10.0.0.0/8",), ("10.0.0.0/16", "192.168.0.0/16")
    both = EgressPolicy(allow=operator, organisation_allow=wish)
    assert await called(both, "http://10.0.0.8/") == [("10.0.0.8", 80)]
    assert await called(both, "http://10.1.0.8/") == []
    assert await called(both, "http://192.168.0.1/") == []
    assert await called(EgressPolicy(organisation_allow=wish), "http://10.0.0.8/") == []


async def test_the_name_rules_stay_although_every_network_is_open() -> None:
    everything = EgressPolicy(allow=("0.0.0.0/0", "::/0"))
    assert await called(everything, "http://redis/", {"redis": ["10.0.0.1"]}) == []
    assert await called(everything, "http://vault.internal/", {"vault.internal": ["10.0.0.1"]}) == []
    assert await called(everything, "http://2130706433/") == []


async def test_a_server_on_loopback_answers_when_it_is_named() -> None:
    async with serving(lambda asked: reply(body="你好".encode())) as server, calling(server) as client:
        answer = await client.request("GET", server.url())
        assert (answer.status, answer.body.decode(), answer.url) == (200, "你好", server.url())


async def test_a_server_beside_it_is_not_named_by_that() -> None:
    async with serving(lambda asked: reply()) as one, serving(lambda asked: reply()) as other, calling(one) as client:
        with pytest.raises(EgressRefused):
            await client.request("GET", other.url())
    assert other.connections == 0
