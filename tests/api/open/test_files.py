"""Files as programs upload them with the SDK, and bodies that break off on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from cozepy import CozeAPIError
from httpx2 import AsyncClient

from tests.api.open.coze import Programs, programs, sync
from tests.api.people import another_organisation, somebody
from tests.api.test_files import TEXT, nothing_is_left, png


async def test_a_file_is_uploaded_and_known_by_its_id(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        made = await sync(lambda: there.coze.files.upload(file=("诗.txt", TEXT)))
        assert (made.file_name, made.bytes) == ("诗.txt", len(TEXT))
        assert made.created_at is not None
        assert made.response.logid
        again = await there.async_coze.files.retrieve(file_id=made.id)
        assert (again.id, again.file_name) == (made.id, "诗.txt")
        other = await there.async_coze.files.upload(file=("猫.png", png()))
        assert other.id != made.id


async def test_a_file_of_the_disk_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "报告.txt").write_bytes(TEXT)
    async with programs(tmp_path / "data") as there:
        with (tmp_path / "报告.txt").open("rb") as file:
            made = await sync(lambda: there.coze.files.upload(file=file))
        assert made.file_name == "报告.txt"


async def test_the_link_of_a_file_is_good_for_whoever_holds_it(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        answer = await there.raw.post("/v1/files/upload", files={"file": ("a.txt", TEXT)})
        url = answer.json()["data"]["url"]
        assert url.startswith(there.url)
        async with AsyncClient(trust_env=False) as stranger:
            assert (await stranger.get(url)).content == TEXT
            assert (await stranger.get(f"{url}x")).status_code == 404


async def test_what_is_refused_is_refused_in_the_envelope(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        with pytest.raises(CozeAPIError) as refused:
            await sync(lambda: there.coze.files.upload(file=("a.exe", b"MZ")))
        assert refused.value.code == 4150
        two = await there.raw.post("/v1/files/upload", files=[("file", ("a.txt", TEXT)), ("file", ("b.txt", TEXT))])
        assert two.json()["code"] == 4000
        await nothing_is_left(there.serving, tmp_path)


async def test_what_is_of_others_is_not_found(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        made = await sync(lambda: there.coze.files.upload(file=("a.txt", TEXT)))
        org, space = await another_organisation(there.serving)
        other = there.as_((await somebody(there.serving, "owner", org_id=org, space_id=space)).token)
        for file_id in (made.id, "77", "x"):
            with pytest.raises(CozeAPIError) as refused:
                await sync(lambda file_id=file_id: other.files.retrieve(file_id=file_id))  # type: ignore[misc]
            assert refused.value.code == 4200


async def test_a_body_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        _, writer = await asyncio.open_connection("127.0.0.1", there.port)
        part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"a" * 100_000
        head = (
            "POST /v1/files/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            f"Authorization: Bearer {there.serving.token}\r\nContent-Length: 1000000\r\n\r\n"
        )
        writer.write(head.encode() + part)
        await writer.drain()
        await taken(there, lambda size: size > 0)
        writer.close()
        await taken(there, lambda size: size == 0)
        await nothing_is_left(there.serving, tmp_path)


async def taken(there: Programs, enough: Callable[[int], bool]) -> None:
    """Wait until the files of the space take so much."""
    async with asyncio.timeout(30):
        while True:
            if enough((await there.serving.get("/file-usage")).json()["bytes"]):
                return
            await asyncio.sleep(0.02)
