"""Files: taken in through one guard, counted against their space, and handed out by right or by signed link."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx2 import Response

from api.errors import UnsupportedBody
from api.files.archives import check_archive
from storage.file_links import FileLinks
from tests.api.drawings import TEXT as TEXT_TYPE
from tests.api.drawings import chain, end, start
from tests.api.people import another_organisation, somebody
from tests.api.serving import Serving, client_of, serve
from tests.storage.samples import KEYS

TEXT = "春眠不觉晓\n".encode()


def png(width: int = 3, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\x00" + b"\x00" * 3 * width for _ in range(min(height, 10))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def archive(*parts: tuple[str, bytes], stored: bool = False) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as file:
        for name, data in parts:
            file.writestr(name, data)
    return made.getvalue()


DOCX = (("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:document/>"))


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serve(tmp_path) as made:
        yield made


async def upload(serving: Serving, name: str, data: bytes, field: str = "file") -> Response:
    return await serving.client.post("/api/v1/files", files={field: (name, data)})


async def kept(serving: Serving, name: str = "诗.txt", data: bytes = TEXT) -> dict[str, Any]:
    answer = await upload(serving, name, data)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_file_comes_back_as_it_was_sent(serving: Serving) -> None:
    made = await kept(serving)
    assert (made["name"], made["size"], made["mime_type"]) == ("诗.txt", len(TEXT), "text/plain")
    assert made["sha256"] == hashlib.sha256(TEXT).hexdigest()
    assert (await serving.get(f"/files/{made['id']}")).json() == made
    answer = await serving.get(f"/files/{made['id']}/content")
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''%E8%AF%97.txt" in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")


async def test_the_size_of_a_picture_is_told(serving: Serving) -> None:
    made = await kept(serving, "猫.png", png(40, 30))
    assert (made["width"], made["height"], made["mime_type"]) == (40, 30, "image/png")


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=5-", 206, b"56789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("bytes=5-4", 416, b""),
        ("bytes=x", 200, b"0123456789"),
        ("bytes=0-1,4-5", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
    ],
)
async def test_a_part_of_a_file_can_be_asked_for(serving: Serving, asked: str, status: int, got: bytes) -> None:
    made = await kept(serving, "a.txt", b"0123456789")
    answer = await serving.client.get(f"/api/v1/files/{made['id']}/content", headers={"range": asked})
    assert (answer.status_code, answer.content) == (status, got)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\安娜\\报告.txt", "报告.txt"),
        ("\u202etxt.exe.txt", "txt.exe.txt"),
        ("cafe\u0301.txt", "café.txt"),
        ("长" * 200 + ".txt", "长" * 83 + ".txt"),
        ("a\u2066b\u200fc.txt", "abc.txt"),
    ],
)
async def test_a_name_is_kept_to_be_shown_and_nothing_else(serving: Serving, given: str, shown: str) -> None:
    made = await kept(serving, given)
    assert made["name"] == shown
    assert len(made["name"].encode()) <= 255
    answer = await serving.get(f"/files/{made['id']}/content")
    assert answer.content == TEXT


HOSTILE = {
    "empty": ("a.txt", b""),
    "no ending": ("README", TEXT),
    "an ending nobody knows": ("a.exe", b"MZ\x90\x00"),
    "a program as a picture": ("a.png", b"MZ\x90\x00" + b"\x00" * 100),
    "a page as a picture": ("a.png", b"<html><script>alert(1)</script></html>"),
    "a picture as a pdf": ("a.pdf", png()),
    "a text as a picture": ("a.jpg", TEXT),
    "bytes as a text": ("a.txt", bytes(range(256))),
    "an old office file": ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600),
    "an old office file under a new name": ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600),
    "a picture with an archive behind it": ("a.png", png() + archive(("a.txt", b"x"))),
    "a pdf with an archive behind it": ("a.pdf", b"%PDF-1.4\n%%EOF\n" + archive(("a.txt", b"x"))),
    "a pdf that is cut off": ("a.pdf", b"%PDF-1.4\n1 0 obj"),
    "a picture that is a pdf too": ("a.gif", b"GIF89a\x01\x00\x01\x00\x00%PDF-1.4\n" + b"\x00" * 50),
    "a picture that is a page too": ("a.gif", b"GIF89a\x01\x00\x01\x00<script>alert(1)</script>"),
    "a picture without a size": ("a.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 20),
    "a picture of too many pixels": ("a.png", png(10_000, 10_000)),
    "something before the archive": ("a.docx", b"#!/bin/sh\n" + archive(*DOCX)),
    "something behind the archive": ("a.docx", archive(*DOCX) + b"more"),
    "an archive that is no document": ("a.docx", archive(("a.txt", b"x"))),
    "a workbook as a document": ("a.docx", archive(DOCX[0], ("xl/workbook.xml", b"<x/>"))),
    "macros by their part": ("a.docx", archive(*DOCX, ("word/vbaProject.bin", b"x"))),
    "macros by their type": (
        "a.docx", archive(("[Content_Types].xml", b"vnd.ms-word.document.macroEnabled.main+xml"), DOCX[1])
    ),
    "macros by their ending": ("a.docm", archive(*DOCX)),
    "an archive that unpacks to far more": ("a.zip", archive(("a", b"\x00" * 20_000_000))),
    "an archive of thousands of parts": ("a.zip", archive(*((f"{n}", b"") for n in range(2_100)), stored=True)),
    "a drawing with entities": ("a.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>'),
    "no drawing": ("a.svg", b"<div/>"),
    "a data type with entities": ("a.xml", b'<!DOCTYPE a [<!ENTITY a "b">]><a/>'),
}  # fmt: skip


@pytest.mark.parametrize("what", [*HOSTILE])
async def test_what_is_not_what_it_says_is_refused_and_leaves_nothing(
    serving: Serving, tmp_path: Path, what: str
) -> None:
    answer = await upload(serving, *HOSTILE[what])
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), answer.text
    await nothing_is_left(serving, tmp_path)


async def nothing_is_left(serving: Serving, folder: Path) -> None:
    assert (await serving.get("/file-usage")).json()["bytes"] == 0
    assert (await serving.get("/files")).json()["items"] == []
    assert [path for path in (folder / "blobs").rglob("*") if path.is_file()] == []


def test_an_archive_whose_parts_share_bytes_is_refused(tmp_path: Path) -> None:
    data = bytearray(archive(("a", b"x" * 100), ("b", b"x" * 100), stored=True))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    file = tmp_path / "a.zip"
    file.write_bytes(data)
    with pytest.raises(UnsupportedBody):
        check_archive(file, "zip")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", archive(*DOCX)),
        ("a.zip", archive(("报告.txt", TEXT))),
        ("a.pdf", b"%PDF-1.4\n1 0 obj\nendobj\n%%EOF\n"),
        ("a.csv", "名,价\n茶,9\n".encode("gb18030")),
        ("a.txt", "中文".encode("utf-16")),
        ("a.svg", b'<svg width="12" height="34px"><script>alert(1)</script></svg>'),
        ("a.html", b"<!doctype html><script>alert(1)</script>"),
        ("a.py", b"print('hi')\n"),
        ("a.MP3", b"ID3\x04\x00\x00\x00\x00\x00\x00"),
        ("a.mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"),
    ],
)
async def test_what_is_what_it_says_is_taken(serving: Serving, name: str, data: bytes) -> None:
    made = await kept(serving, name, data)
    answer = await serving.get(f"/files/{made['id']}/content")
    # A page or a drawing may hold scripts: it is saved, never shown.
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.content == data


async def test_only_the_kinds_that_the_operator_lists_are_taken(tmp_path: Path) -> None:
    async with serve(tmp_path, settings={"file_types": ("png",)}) as serving:
        assert (await upload(serving, "a.txt", TEXT)).status_code == 415
        assert (await upload(serving, "a.png", png())).status_code == 201


async def test_a_form_has_exactly_one_file(serving: Serving, tmp_path: Path) -> None:
    none = await serving.client.post("/api/v1/files", files={"file": (None, "a text")})
    other = await upload(serving, "a.txt", TEXT, field="data")
    two = await serving.client.post("/api/v1/files", files=[("file", ("a.txt", TEXT)), ("file", ("b.txt", TEXT))])
    assert [answer.status_code for answer in (none, other, two)] == [422, 422, 422]
    plain = await serving.client.post("/api/v1/files", content=TEXT, headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    await nothing_is_left(serving, tmp_path)


async def test_an_endless_body_ends_at_the_limit_however_little_it_says_of_itself(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        while sent < 50_000_000:
            sent += 10_000
            yield b"a" * 10_000

    async with serve(tmp_path, settings={"file_bytes": 100_000}) as serving:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = await serving.client.post("/api/v1/files", content=endless(), headers=headers)
        assert (answer.status_code, answer.json()["facts"]["setting"]) == (413, "MAINSPRING_FILE_BYTES")
        await nothing_is_left(serving, tmp_path)


async def test_uploads_that_come_at_once_cannot_pass_the_room_of_the_space_together(tmp_path: Path) -> None:
    async with serve(tmp_path, settings={"file_space_bytes": 25_000}) as serving:
        answers = await asyncio.gather(*(upload(serving, f"{n}.txt", b"a" * 10_000) for n in range(6)))
        assert sorted(answer.status_code for answer in answers)[:2] == [201, 201]
        assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"limit_exceeded"}
        assert (await serving.get("/file-usage")).json()["bytes"] == 20_000
        # What is deleted is room again.
        for item in (await serving.get("/files")).json()["items"]:
            assert (await serving.delete(f"/files/{item['id']}")).status_code == 204
        await nothing_is_left(serving, tmp_path)
        assert (await upload(serving, "a.txt", b"a" * 25_000)).status_code == 201


async def test_a_list_goes_page_by_page_and_finds_by_name(serving: Serving) -> None:
    for n in range(5):
        await kept(serving, f"文件{n}.txt")
    seen: list[str] = []
    cursor = None
    while True:
        page = (await serving.get("/files", limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"文件{n}.txt" for n in (4, 3, 2, 1, 0)]
    found = (await serving.get("/files", search="文件3")).json()["items"]
    assert [item["name"] for item in found] == ["文件3.txt"]


async def test_a_link_needs_no_token_and_leads_to_its_file_alone(serving: Serving) -> None:
    made, other = await kept(serving), await kept(serving, "b.txt", b"another")
    answer = await serving.post(f"/files/{made['id']}/links", {"seconds": 60})
    assert answer.status_code == 201, answer.text
    parts = urlsplit(answer.json()["url"])
    async with client_of(serving.app, None) as stranger:
        got = await stranger.get(f"{parts.path}?{parts.query}")
        assert (got.status_code, got.content) == (200, TEXT)
        assert got.headers["content-disposition"].startswith("attachment")
        forged = [
            f"{parts.path}?{parts.query[:-1]}{'A' if parts.query[-1] != 'A' else 'B'}",
            f"{parts.path}?{parts.query.replace('expires=', 'expires=9')}",
            f"{parts.path}?{parts.query.replace('account=0', 'account=1')}",
            f"{parts.path}?{parts.query.replace('org=', 'org=1')}",
            f"{parts.path.replace(made['id'], other['id'])}?{parts.query}",
            parts.path,
            f"/api/v1/file-links/x?{parts.query}",
        ]
        for one in forged:
            assert (await stranger.get(one)).status_code == 404, one
        assert (await stranger.get(f"/api/v1/files/{made['id']}/content")).status_code == 401
        await serving.delete(f"/files/{made['id']}")
        assert (await stranger.get(f"{parts.path}?{parts.query}")).status_code == 404


async def test_a_link_ends_and_lives_a_week_at_most(serving: Serving) -> None:
    made = await kept(serving)
    assert (await serving.post(f"/files/{made['id']}/links", {"seconds": 604_801})).status_code == 422
    home = await serving.stores.organisations.ensure_default()
    old = FileLinks(KEYS, lambda: 1_000_000_000_000)
    url, _ = old.make(home.org_id, int(made["id"]), 0, seconds=60)
    assert old.in_url(f"https://example.test{url}") is not None
    async with client_of(serving.app, None) as stranger:
        assert (await stranger.get(url)).status_code == 404


async def test_what_is_of_others_is_not_found(serving: Serving) -> None:
    made = await kept(serving)
    org, space = await another_organisation(serving)
    other = await somebody(serving, "owner", org_id=org, space_id=space)
    viewer = await somebody(serving, "viewer")
    paths = [f"/api/v1/files/{made['id']}", f"/api/v1/files/{made['id']}/content"]
    for path in paths:
        assert (await other.client.get(path)).status_code == 404
        assert (await viewer.client.get(path)).status_code == 200
    assert (await other.client.delete(paths[0])).status_code == 404
    assert (await other.client.post(f"{paths[0]}/links", json={})).status_code == 404
    assert (await other.client.get("/api/v1/files")).json()["items"] == []
    assert (await viewer.client.delete(paths[0])).status_code == 403
    assert (await viewer.client.post("/api/v1/files", files={"file": ("a.txt", TEXT)})).status_code == 403


async def test_what_is_done_with_files_is_written_down(serving: Serving) -> None:
    made = await kept(serving)
    await serving.post(f"/files/{made['id']}/links", {})
    await serving.delete(f"/files/{made['id']}")
    found = await serving.stores.database.read(
        lambda connection: connection.exec_driver_sql(
            "SELECT action, target_name FROM audit_event WHERE action LIKE 'file.%' ORDER BY id"
        ).all()
    )
    assert [tuple(row) for row in found] == [(f"file.{what}", "诗.txt") for what in ("upload", "link", "delete")]


async def test_a_run_takes_a_file_by_its_id_where_a_file_is_declared(serving: Serving) -> None:
    made = await kept(serving, "猫.png", png())
    declared = {"type": "string", "format": "image"}
    canvas = chain(start(("picture",), picture=declared, note=TEXT_TYPE), end(url=["start", "picture"]))
    workflow = await serving.published(canvas)
    asked = json.dumps({"file_id": made["id"]})
    for given in (asked, {"file_id": made["id"]}):
        answer = await serving.post(
            f"/workflows/{workflow}/runs", {"inputs": {"picture": given}}, idempotency_key="once"
        )
        assert answer.status_code in {200, 201}, answer.text
        url = answer.json()["output"]["url"]
        link = serving.stores.links.in_url(url)
        assert link is not None
        assert str(link.file_id) == made["id"]
    org, space = await another_organisation(serving)
    other = await somebody(serving, "owner", org_id=org, space_id=space)
    foreign = await other.client.post("/api/v1/files", files={"file": ("a.png", png())})
    for file_id in (foreign.json()["id"], "77"):
        answer = await serving.post(f"/workflows/{workflow}/runs", {"inputs": {"picture": {"file_id": file_id}}})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
