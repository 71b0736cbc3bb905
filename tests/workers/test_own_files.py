"""Uploaded files are read by runs of their organisation without going out, and by nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.errors import FlowError, LimitExceeded, NotFound
from nodes.chat import MediaPart, TextPart
from nodes.documents import fetch_file
from storage.audit import Actor
from storage.files import FileFacts, blob_key
from storage.own_files import StoredFiles
from storage.stores import Stores, open_stores
from tests.storage.samples import KEYS
from tests.workers.models.layers.models import Speaker, answer, question
from workers.egress import EgressClient, EgressPolicy
from workers.http import HttpWithFiles, NodeHttp
from workers.models.layers.media import WithMedia

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
ORG, SPACE = 7, 8


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with open_stores(tmp_path, keys=KEYS) as opened:
        yield opened


@pytest.fixture
async def egress() -> AsyncIterator[EgressClient]:
    client = EgressClient(EgressPolicy())
    yield client
    await client.aclose()


async def kept(stores: Stores, name: str = "猫.png", data: bytes = PNG) -> int:
    files = stores.files.of(ORG, SPACE)
    number = await files.begin(1, "")
    await files.reserve(number, len(data), len(data), 10_000)
    await stores.blobs.put(blob_key(ORG, number), data)
    await files.finish(number, FileFacts(len(data), name, "png", "image/png", "0" * 64), Actor())
    return number


def urls(stores: Stores, number: int) -> list[str]:
    """The URLs of a file: a link that anybody may follow, on whatever host, and the one for runs."""
    link, _ = stores.links.make(ORG, number, 1, seconds=60)
    return [f"http://127.0.0.1:8888{link}", f"https://example.test{link}", stores.links.inner(ORG, number)]


async def test_a_file_is_read_by_its_link_and_knows_its_name(stores: Stores, egress: EgressClient) -> None:
    number = await kept(stores, "报告.docx")
    http = HttpWithFiles(NodeHttp(egress), stores.own_files, str(ORG))
    for url in urls(stores, number):
        file = await fetch_file(http, url)
        assert (file.data, file.name) == (PNG, "报告.docx")


async def test_a_file_of_another_organisation_stays_where_it_is(stores: Stores, egress: EgressClient) -> None:
    number = await kept(stores)
    http = HttpWithFiles(NodeHttp(egress), stores.own_files, "9")
    loopback, _, inner = urls(stores, number)
    for url in (loopback, inner):
        with pytest.raises(FlowError):
            await fetch_file(http, url)
        with pytest.raises(NotFound):
            await stores.own_files.read("9", url, max_bytes=100)


async def test_a_forged_url_is_no_link(stores: Stores) -> None:
    number = await kept(stores)
    files: StoredFiles = stores.own_files
    for url in urls(stores, number):
        assert files.knows(str(ORG), url)
        assert not files.knows(str(ORG), f"{url}A")
        assert not files.knows(str(ORG), url.replace(str(number), str(number + 1)))
    inner = urls(stores, number)[2]
    # What is for runs alone is no link that a stranger could follow.
    signature = inner.rpartition("=")[2]
    assert stores.links.read(str(number), str(ORG), "0", "0", signature) is None
    assert not files.knows(str(ORG), f"mainspring://files/{number}")


async def test_a_file_that_is_too_large_or_gone_is_not_read(stores: Stores) -> None:
    number = await kept(stores)
    url = urls(stores, number)[2]
    with pytest.raises(LimitExceeded):
        await stores.own_files.read(str(ORG), url, max_bytes=3)
    await stores.files.of(ORG, SPACE).leave(number, Actor())
    with pytest.raises(NotFound):
        await stores.own_files.read(str(ORG), url, max_bytes=100)


@pytest.mark.parametrize("how", ["inline", "url"])
async def test_a_model_is_given_the_bytes_of_a_file(stores: Stores, egress: EgressClient, how: str) -> None:
    number = await kept(stores)
    for url in urls(stores, number):
        within = Speaker()
        model = WithMedia(within, "seer", egress, how=how, files=stores.own_files, org_id=str(ORG))  # type: ignore[arg-type]
        await answer(model, question(TextPart("这是什么？"), MediaPart("image", url=url)))
        shown = within.asked[-1].messages[0].content[1]
        assert isinstance(shown, MediaPart)
        assert (shown.data, shown.mime_type) == (PNG, "image/png")
