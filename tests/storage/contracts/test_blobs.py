"""What every blob store keeps."""

import asyncio

import pytest

from engine.errors import InvalidInput, NotFound
from storage.ports import Blobs, FileBlobs

BAD_KEYS = [
    "", "nope", "7/", "/name", "7/../8", "7/..", "../7/name", "7/.hidden", "7/a/b", "7/a\\b", "7/A", "7/名",
    "7/a\n", "7/a\x00b", "7/" + "a" * 200, "/etc/passwd", ".incoming/a",
]  # fmt: skip


async def test_what_was_put_can_be_got(blobs: Blobs) -> None:
    await blobs.put("7/abc", "中文".encode())
    assert await blobs.get("7/abc") == "中文".encode()
    assert await blobs.exists("7/abc")


async def test_a_missing_key_is_not_found(blobs: Blobs) -> None:
    with pytest.raises(NotFound):
        await blobs.get("7/nope")
    assert not await blobs.exists("7/nope")


async def test_another_organisation_has_its_own_blobs(blobs: Blobs) -> None:
    await blobs.put("7/abc", b"ours")
    with pytest.raises(NotFound):
        await blobs.get("8/abc")


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
async def test_a_blob_may_have_any_size(blobs: Blobs, size: int) -> None:
    await blobs.put("7/abc", b"x" * size)
    assert len(await blobs.get("7/abc")) == size


async def test_the_same_blob_may_be_put_again_and_by_many_at_once(blobs: Blobs) -> None:
    await asyncio.gather(*(blobs.put("7/abc", b"same") for _ in range(20)))
    assert await blobs.get("7/abc") == b"same"


async def test_a_deleted_blob_is_gone_and_may_be_deleted_again(blobs: Blobs) -> None:
    await blobs.put("7/abc", b"x")
    await blobs.delete("7/abc")
    await blobs.delete("7/abc")
    assert not await blobs.exists("7/abc")


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_a_key_that_cannot_be_one_takes_nothing_and_leads_nowhere(blobs: Blobs, key: str) -> None:
    with pytest.raises(InvalidInput):
        await blobs.put(key, b"x")
    with pytest.raises(NotFound):
        await blobs.get(key)
    assert not await blobs.exists(key)
    await blobs.delete(key)


async def test_what_comes_in_pieces_is_a_blob_when_it_is_kept_and_not_before(blobs: FileBlobs) -> None:
    incoming = await blobs.receive()
    await incoming.write(b"one ")
    await incoming.write("两".encode())
    assert incoming.path.read_bytes() == "one 两".encode()
    assert not await blobs.exists("7/abc")
    await incoming.keep("7/abc")
    await incoming.discard()
    assert await blobs.get("7/abc") == "one 两".encode()


async def test_what_is_discarded_leaves_nothing(blobs: FileBlobs) -> None:
    incoming = await blobs.receive()
    await incoming.write(b"half")
    await incoming.discard()
    await incoming.discard()
    assert not incoming.path.exists()


@pytest.mark.parametrize(("start", "length"), [(0, None), (3, None), (3, 4), (0, 0), (5, 600_000), (900_000, 5)])
async def test_a_part_of_a_blob_can_be_read_alone(blobs: FileBlobs, start: int, length: int | None) -> None:
    whole = b"0123456789" * 60_000
    await blobs.put("7/abc", whole)
    read = b"".join([piece async for piece in blobs.stream("7/abc", start=start, length=length)])
    assert read == whole[start : None if length is None else start + length]


async def test_nothing_can_be_streamed_of_a_blob_that_is_not_there(blobs: FileBlobs) -> None:
    with pytest.raises(NotFound):
        await anext(blobs.stream("7/nope"))
