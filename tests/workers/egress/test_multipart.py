"""Forms with files, as a server reads them."""

from __future__ import annotations

import pytest

from nodes.context import FilePart
from tests.workers.egress.loopback import calling, reply, serving
from workers.egress import BadUrl, multipart


def parts(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """The header and the content of each part."""
    boundary = b"--" + content_type.partition("boundary=")[2].encode()
    first, *inner, last = body.split(boundary)
    assert (first, last) == (b"", b"--\r\n")
    split = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n") for part in inner]
    return [(head.decode(), content) for head, _, content in split]


def test_texts_and_files_keep_their_order_and_their_names() -> None:
    content_type, body = multipart(
        [
            ("说明", "第一行\r\n第二行"),
            FilePart("文件", "报告 2026.pdf", b"%PDF-1.7\x00\xff", "application/pdf"),
            ("empty", ""),
            FilePart("文件", "b.bin", b""),
        ]
    )
    assert content_type.startswith("multipart/form-data; boundary=")
    assert parts(content_type, body) == [
        ('Content-Disposition: form-data; name="说明"', "第一行\r\n第二行".encode()),
        (
            'Content-Disposition: form-data; name="文件"; filename="报告 2026.pdf"\r\nContent-Type: application/pdf',
            b"%PDF-1.7\x00\xff",
        ),
        ('Content-Disposition: form-data; name="empty"', b""),
        (
            'Content-Disposition: form-data; name="文件"; filename="b.bin"\r\nContent-Type: application/octet-stream',
            b"",
        ),
    ]


def test_a_name_cannot_break_out_of_its_header() -> None:
    content_type, body = multipart([('a"\r\nX: y', "1"), FilePart("f", 'x"; name="z\r\n\r\nboo', b"2")])
    assert parts(content_type, body) == [
        ('Content-Disposition: form-data; name="a%22%0D%0AX: y"', b"1"),
        (
            'Content-Disposition: form-data; name="f"; filename="x%22; name=%22z%0D%0A%0D%0Aboo"'
            "\r\nContent-Type: application/octet-stream",
            b"2",
        ),
    ]


def test_a_content_type_cannot_break_out_of_its_header() -> None:
    with pytest.raises(BadUrl, match="form cannot be sent"):
        multipart([FilePart("f", "x", b"", "text/plain\r\nX: y")])


def test_a_form_without_parts_is_still_a_form() -> None:
    content_type, body = multipart([])
    assert content_type.startswith("multipart/form-data")
    assert parts(content_type, body) == []


def test_two_forms_have_two_boundaries() -> None:
    assert multipart([("a", "1")])[0] != multipart([("a", "1")])[0]


async def test_a_form_arrives_whole() -> None:
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        content_type, body = client.multipart([FilePart("f", "a.txt", b"x" * 100_000)])
        await client.request("POST", server.url(), headers={"Content-Type": content_type}, content=body)
    assert server.asked[0].headers["content-type"] == content_type
    assert server.asked[0].body == body
