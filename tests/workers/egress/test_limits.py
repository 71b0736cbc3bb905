"""No answer is larger or slower than it may be."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest

from tests.workers.egress.loopback import Asked, calling, listening, redirect, reply, serving
from workers.egress import AnswerTooLarge, EgressFailed, EgressUnavailable

TEXT = b"The quick brown fox. " * 500


def encoded(body: bytes, encoding: str) -> list[bytes]:
    return reply(body=body, headers=[("Content-Encoding", encoding)])


def raw_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


def bomb(megabytes: int) -> bytes:
    deflater = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    million = bytes(1024 * 1024)
    return b"".join(deflater.compress(million) for _ in range(megabytes)) + deflater.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0), "x-gzip"),
        (gzip.compress(TEXT, mtime=0), "GZIP, identity"),
        (gzip.compress(TEXT[:99], mtime=0) + gzip.compress(TEXT[99:], mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0) + bytes(512), "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (raw_deflate(TEXT), "deflate"),
        (TEXT, "identity"),
        (TEXT, "utf-8"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_compressed_body_is_undone(body: bytes, encoding: str, pieces: int) -> None:
    async def answer(asked: Asked) -> AsyncIterator[bytes]:
        head, whole = encoded(body, encoding)
        yield head
        for start in range(0, len(whole), max(1, len(whole) // pieces)):
            yield whole[start : start + max(1, len(whole) // pieces)]

    async with serving(answer) as server, calling(server) as client:
        got = await client.request("GET", server.url())
    assert got.body == TEXT
    assert ("content-encoding", encoding) not in got.headers or encoding in ("identity", "utf-8")


async def test_a_compressed_body_may_come_byte_by_byte() -> None:
    async def answer(asked: Asked) -> AsyncIterator[bytes]:
        head, whole = encoded(raw_deflate(b"small"), "deflate")
        yield head
        for byte in whole:
            yield bytes([byte])

    async with serving(answer) as server, calling(server) as client:
        assert (await client.request("GET", server.url())).body == b"small"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(TEXT, mtime=0)[:-20], "gzip"),
        (b"plain text", "gzip"),
        (gzip.compress(TEXT, mtime=0)[:20] + b"xxxxxxxxxxxxxxxxxxxx", "gzip"),
        (zlib.compress(TEXT)[:-4], "deflate"),
        (b"\xff\xff\xff\xff", "deflate"),
        (b"x", "br"),
        (b"x", "zstd"),
        (gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "gzip, gzip"),
    ],
)
async def test_a_body_that_cannot_be_undone_is_a_failure(body: bytes, encoding: str) -> None:
    async with serving(lambda asked: encoded(body, encoding)) as server, calling(server) as client:
        with pytest.raises(EgressFailed, match="cannot be decompressed") as finding:
            await client.request("GET", server.url())
    assert not finding.value.retryable


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_an_empty_body_needs_no_compression(method: str) -> None:
    async with serving(lambda asked: encoded(b"", "gzip")) as server, calling(server) as client:
        assert (await client.request(method, server.url())).body == b""


async def test_a_body_of_just_the_limit_is_whole() -> None:
    async with serving(lambda asked: reply(body=bytes(1000))) as server, calling(server, body_bytes=1000) as client:
        assert len((await client.request("GET", server.url())).body) == 1000


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    async with serving(lambda asked: reply(body=bytes(1001))) as server, calling(server, body_bytes=1000) as client:
        with pytest.raises(AnswerTooLarge, match="larger than 1000 bytes") as finding:
            await client.request("GET", server.url())
    assert finding.value.facts == {"host": "127.0.0.1", "limit_bytes": 1000}
    assert not finding.value.retryable


async def test_the_length_of_what_head_leaves_out_does_not_count() -> None:
    def answer(asked: Asked) -> list[bytes]:
        return [b"HTTP/1.1 200 x\r\nContent-Length: 99999999999\r\n\r\n"]

    async with serving(answer) as server, calling(server) as client:
        assert (await client.request("HEAD", server.url())).status == 200


async def test_a_body_that_does_not_say_its_length_is_cut_off_at_the_limit() -> None:
    sent = 0

    async def answer(asked: Asked) -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + bytes(0x10000) + b"\r\n"
            sent += 0x10000

    async with serving(answer) as server, calling(server) as client:
        with pytest.raises(AnswerTooLarge, match="larger than 10485760 bytes"):
            await client.request("GET", server.url())
    assert sent < 32 * 1024 * 1024


async def test_a_caller_may_ask_for_another_limit() -> None:
    async with serving(lambda asked: reply(body=bytes(2000))) as server, calling(server, body_bytes=1000) as client:
        assert len((await client.request("GET", server.url(), max_bytes=2000)).body) == 2000
        with pytest.raises(AnswerTooLarge):
            await client.request("GET", server.url(), max_bytes=1999)


async def test_a_gzip_bomb_costs_no_more_than_the_limit() -> None:
    body = bomb(64)
    async with serving(lambda asked: encoded(body, "gzip")) as server, calling(server) as client:
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLarge):
                await client.request("GET", server.url())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(body) < 100 * 1024
    assert peak < 32 * 1024 * 1024


async def test_nothing_but_compressed_emptiness_still_ends() -> None:
    async def answer(asked: Asked) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 x\r\nContent-Encoding: gzip\r\n\r\n"
        empty = gzip.compress(b"") * 1000
        while True:
            yield empty

    async with serving(answer) as server, calling(server, body_bytes=200_000) as client:
        with pytest.raises(AnswerTooLarge):
            await client.request("GET", server.url())


@pytest.mark.parametrize("size", [70_000, 200_000, 2_000_000])
async def test_a_header_that_is_too_large_is_said_to_be(size: int) -> None:
    async with serving(lambda asked: reply(headers=[("X-Large", "a" * size)])) as server, calling(server) as client:
        with pytest.raises(AnswerTooLarge, match=r"The header of the answer .* larger than 65536 bytes") as finding:
            await client.request("GET", server.url())
    assert not finding.value.retryable


async def test_a_large_header_below_the_limit_is_fine() -> None:
    headers = [(f"X-{n}", "a" * 1000) for n in range(60)]
    async with serving(lambda asked: reply(headers=headers)) as server, calling(server) as client:
        assert len((await client.request("GET", server.url())).headers) == 61


@pytest.mark.parametrize("drip", [b"HTTP/1.1 103 x\r\n\r\n", b"X-A: b\r\n", b"x"])
@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 x\r\n", b"HTTP/1.1 200 x\r\n\r\n"])
async def test_an_answer_that_drips_is_given_up_when_the_time_is_over(start: bytes, drip: bytes) -> None:
    async def answer(asked: Asked) -> AsyncIterator[bytes]:
        yield start
        while True:
            yield drip
            await asyncio.sleep(0.01)

    async with serving(answer) as server, calling(server) as client:
        with pytest.raises(EgressUnavailable) as finding:
            await client.request("GET", server.url(), timeout_seconds=0.3)
    assert finding.value.retryable


async def test_a_silent_server_is_given_up_when_the_time_is_over() -> None:
    async with serving(lambda asked: []) as server, calling(server) as client:
        with pytest.raises(
            EgressUnavailable, match=r"127\.0\.0\.1 did not give its whole answer within 0\.2 seconds\."
        ):
            await client.request("GET", server.url(), timeout_seconds=0.2)


async def test_redirects_do_not_prolong_the_time() -> None:
    async def answer(asked: Asked) -> AsyncIterator[bytes]:
        await asyncio.sleep(0.15)
        for chunk in redirect("/again"):
            yield chunk

    async with serving(answer) as server, calling(server, redirects=100) as client:
        with pytest.raises(EgressUnavailable, match="within"):
            await client.request("GET", server.url(), timeout_seconds=0.4)
    assert len(server.asked) <= 3


async def test_a_handshake_that_never_comes_is_given_up_after_the_time_to_connect() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(deaf) as port, calling(f"127.0.0.1:{port}", connect_seconds=0.2) as client:
        with pytest.raises(EgressUnavailable, match="did not answer in time"):
            await client.request("GET", f"https://127.0.0.1:{port}/")
