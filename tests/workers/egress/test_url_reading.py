"""However a URL is written, all who read it after the check see the same place."""

from __future__ import annotations

import ipaddress

import httpx2
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import FlowError
from workers.egress import EgressPolicy
from workers.egress.address import parse_address, why_not_public
from workers.egress.url import Target, read_url

POLICY = EgressPolicy()
HOSTS = st.one_of(
    st.sampled_from(
        ["example.com", "EXAMPLE.com.", "8.8.8.8", "127.0.0.1", "[::1]", "[2606:4700::1111]", "例子.测试", "xn--a.com"]
    ),
    st.text("abz019.-_%@:[]xX\\\t例１。", max_size=20),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.integers(0, 2**32).map(str),
    st.integers(0, 2**32).map(hex),
)
RESTS = st.one_of(st.just(""), st.text('/?#@:\\%2eE.&=+ a中[]{}|^`"<>;', max_size=20), st.text(max_size=10))
URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "HTTPS://", "http:/", ""]),
    HOSTS,
    st.sampled_from(["", ":80", ":0", ":8443"]),
    RESTS,
)


def read(url: str) -> Target | None:
    """The target, None when the URL is refused."""
    try:
        return read_url(url, POLICY)
    except FlowError:
        return None


@given(URLS)
@example("http://example.com?@127.0.0.1/")
@example("http://example.com/..//..\u00a0")
def test_what_is_sent_leads_where_the_check_looked(url: str) -> None:
    if (target := read(url)) is not None:
        assert read(target.url) == target
        sent = httpx2.URL(target.url)
        again = read(str(sent))
        assert again is not None
        assert again.origin == target.origin
        assert (
            sent.scheme,
            sent.raw_host.decode(),
            sent.port or {"http": 80, "https": 443}[sent.scheme],
        ) == target.origin
        assert target.url.isascii()


@given(st.text(max_size=40) | URLS)
def test_any_text_is_read_or_refused(url: str) -> None:
    read(url)


@given(st.ip_addresses())
def test_an_address_in_a_url_is_the_address_that_is_checked(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    target = read(f"http://[{address}]/" if address.version == 6 else f"http://{address}/")
    assert target is not None
    assert target.address == address == parse_address(target.host)


@given(st.ip_addresses())
def test_our_list_is_stricter_than_that_of_the_standard_library(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if why_not_public(address) is None:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_no_spelling_of_an_ipv4_address_inside_ipv6_is_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for network in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"):
        assert why_not_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address(network)) | number)) is not None
    assert why_not_public(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))) is not None
    assert why_not_public(ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))) is not None
