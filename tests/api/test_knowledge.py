"""Knowledge over HTTP: bases and documents come and go, files are read, and what is asked is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from engine.errors import NodeFailed, NodeUnavailable
from nodes.documents import FILE_BYTES, FetchedFile, ReadFile, fetch_file, read_file
from tests.api.serving import Document, Serving, client_of, serve
from tests.api.test_models import of_another_organisation
from tests.nodes.context import ExampleSite
from tests.nodes.jail import OpenJail
from tests.workers.coderunner.good_files import POEM, word


@dataclass
class Files:
    """Reads files here, and fetches them from the site of the examples; `broken` is what a fetch raises."""

    jail: OpenJail = field(default_factory=OpenJail)
    broken: Exception | None = None

    async def fetch(self, url: str, name: str = "") -> FetchedFile:
        if self.broken is not None:
            raise self.broken
        return await fetch_file(ExampleSite(), url, name)

    async def read(self, org_id: str, data: bytes, name: str) -> ReadFile:
        return await read_file(self.jail, org_id, data, name)


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
async def serving(tmp_path: Path, files: Files) -> AsyncIterator[Serving]:
    async with serve(tmp_path, files=files) as made:
        yield made


@pytest.fixture
async def base(serving: Serving) -> str:
    answer = await serving.post("/knowledge", {"name": "规则", "description": "about returns"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def added(serving: Serving, base: str, **body: Any) -> Document:
    answer = await serving.post(f"/knowledge/{base}/documents", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def sent(serving: Serving, base: str, name: str, data: bytes, **fields: str) -> Response:
    where = f"/api/v1/knowledge/{base}/documents/upload"
    return await serving.client.post(where, files={"file": (name, data)}, data=fields)


async def found(serving: Serving, base: str, query: str, **more: Any) -> list[str]:
    answer = await serving.post(f"/knowledge/{base}/search", {"query": query, **more})
    assert answer.status_code == 200, answer.text
    return [one["text"] for one in answer.json()["items"]]


async def test_a_base_is_made_changed_listed_and_taken_away(serving: Serving, base: str) -> None:
    assert (await serving.get(f"/knowledge/{base}")).json()["name"] == "规则"
    changed = await serving.patch(f"/knowledge/{base}", {"description": "returns and refunds"})
    assert (changed.json()["name"], changed.json()["description"]) == ("规则", "returns and refunds")
    await serving.post("/knowledge", {"name": "Tea"})
    assert [one["name"] for one in (await serving.get("/knowledge")).json()["items"]] == ["Tea", "规则"]
    assert [one["name"] for one in (await serving.get("/knowledge", search="规")).json()["items"]] == ["规则"]
    await added(serving, base, name="a.txt", text="退款需要三天。")
    assert (await serving.delete(f"/knowledge/{base}")).status_code == 204
    assert (await serving.get(f"/knowledge/{base}")).status_code == 404
    assert (await serving.post(f"/knowledge/{base}/search", {"query": "退款"})).status_code == 404


async def test_a_text_is_added_and_found(serving: Serving, base: str) -> None:
    document = await added(serving, base, name="a.txt", text="退款申请需要三天。\n运费由买家承担。")
    assert (document["state"], document["kind"], document["chunks"], document["failure"]) == ("ready", "txt", 1, "")
    assert await found(serving, base, "退款要几天？") == ["退款申请需要三天。\n运费由买家承担。"]
    assert await found(serving, base, "咖啡") == []
    told = (await serving.post(f"/knowledge/{base}/search", {"query": "退款", "search": "hybrid"})).json()
    assert told["warnings"] == ["There is no index for hybrid search yet: the knowledge was searched by its words."]
    assert 0 < told["items"][0]["score"] < 1


async def test_a_file_is_sent_read_and_found(serving: Serving, base: str) -> None:
    answer = await sent(serving, base, "诗.docx", word(), size="100", overlap="0")
    assert answer.status_code == 201, answer.text
    document = answer.json()
    assert (document["name"], document["kind"], document["state"]) == ("诗.docx", "docx", "ready")
    assert document["size"] == len(word())
    assert any(POEM[:5] in text for text in await found(serving, base, POEM))


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.pptx", b"PK\x03\x04", "must end in one of .pdf"),
        ("a.pdf", b"no pdf", "does not begin like a .pdf"),
        ("a.txt", b" \n", "holds no text"),
        ("noname", b"text", "must end in one of .pdf"),
    ],
)
async def test_a_file_that_cannot_be_read_is_kept_as_failed(
    serving: Serving, base: str, name: str, data: bytes, why: str
) -> None:
    document = (await sent(serving, base, name, data)).json()
    assert document["state"] == "failed"
    assert why in document["failure"]
    assert (await serving.get(f"/knowledge/{base}/documents/{document['id']}")).json() == document


async def test_a_url_is_fetched_and_a_page_that_is_not_there_is_a_failed_document(
    serving: Serving, base: str, files: Files
) -> None:
    url = "https://example.test/prices.csv"
    document = await added(serving, base, url=f"{url}?x-wf-file_name=%E4%BB%B7.csv")
    assert (document["name"], document["url"], document["state"]) == ("价.csv", url, "ready")
    files.broken = NodeFailed("GET https://example.test/x was answered with the status 404.")
    failed = await added(serving, base, url="https://example.test/x")
    assert (failed["state"], failed["failure"]) == ("failed", str(files.broken))
    files.broken = NodeUnavailable("The site does not answer.")
    answer = await serving.post(f"/knowledge/{base}/documents", {"url": "https://example.test/x"})
    assert answer.status_code == 503


async def test_documents_and_chunks_come_in_pages(serving: Serving, base: str) -> None:
    for number in range(3):
        text = "\n".join(f"line {line} of document {number}" for line in range(30))
        await added(serving, base, name=f"{number}.txt", text=text, chunking={"size": 100, "overlap": 0})
    page = (await serving.get(f"/knowledge/{base}/documents", limit=2)).json()
    assert [one["name"] for one in page["items"]] == ["2.txt", "1.txt"]
    rest = (await serving.get(f"/knowledge/{base}/documents", limit=2, cursor=page["next_cursor"])).json()
    assert ([one["name"] for one in rest["items"]], rest["next_cursor"]) == (["0.txt"], None)
    where = f"/knowledge/{base}/documents/{page['items'][0]['id']}/chunks"
    first = (await serving.get(where, limit=5)).json()
    more = (await serving.get(where, limit=5, cursor=first["next_cursor"])).json()
    numbers = [one["number"] for one in (*first["items"], *more["items"])]
    assert numbers == [*range(len(numbers))]
    assert first["items"][0]["text"].startswith("line 0 of document 2")
    assert len(numbers) > 5


async def test_a_document_is_taken_away(serving: Serving, base: str) -> None:
    document = await added(serving, base, name="a.txt", text="退款需要三天。")
    where = f"/knowledge/{base}/documents/{document['id']}"
    assert (await serving.delete(where)).status_code == 204
    assert (await serving.delete(where)).status_code == 404
    assert (await serving.get(f"{where}/chunks")).status_code == 404
    assert await found(serving, base, "退款") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "a", "url": "https://example.test/a.txt"},
        {"text": " "},
        {"text": "a", "chunking": {"size": 10}},
        {"text": "a", "chunking": {"overlap": 1}},
        {"text": "a", "more": 1},
    ],
)
async def test_what_is_no_document_is_refused(serving: Serving, base: str, body: Document) -> None:
    answer = await serving.post(f"/knowledge/{base}/documents", body)
    assert answer.status_code == 422, answer.text


BOUNDARY = "--b\r\n"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("", b"text", 415),
        ("multipart/form-data", b"text", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n--b\r\n", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nX: \xff\r\n\r\nx\r\n--b--", 400),
        ("multipart/form-data; boundary=b", b"--b" + b"\r\n--b" * 60 + b"--", 400),
    ],
)
async def test_what_is_no_form_with_a_file_is_refused(
    serving: Serving, base: str, kind: str, body: bytes, status: int
) -> None:
    where = f"/api/v1/knowledge/{base}/documents/upload"
    answer = await serving.client.post(where, content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text


async def test_a_field_of_the_form_that_does_not_fit_is_named(serving: Serving, base: str) -> None:
    for fields in ({"size": "ten"}, {"overlap": "2"}, {"other": "x"}):
        answer = await sent(serving, base, "a.txt", b"text", **fields)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == next(iter(fields))


async def test_the_name_of_a_file_loses_its_folders(serving: Serving, base: str) -> None:
    for name in ("C:\\fakepath\\a.txt", "../../a.txt"):
        assert (await sent(serving, base, name, b"tea")).json()["name"] == "a.txt"


async def test_a_file_that_is_too_large_is_not_taken(serving: Serving, base: str) -> None:
    answer = await sent(serving, base, "a.txt", b"x" * (FILE_BYTES + 100_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_another_organisations_base_is_not_found(serving: Serving, base: str) -> None:
    document = await added(serving, base, name="a.txt", text="退款")
    other = await of_another_organisation(serving)
    where = f"/api/v1/knowledge/{base}"
    assert (await other.get(where)).status_code == 404
    assert (await other.get(f"{where}/documents")).status_code == 404
    assert (await other.get(f"{where}/documents/{document['id']}/chunks")).status_code == 404
    assert (await other.post(f"{where}/search", json={"query": "退款"})).status_code == 404
    assert (await other.post(f"{where}/documents", json={"text": "a"})).status_code == 404
    assert (await other.post(f"{where}/documents/upload", files={"file": ("a.txt", b"a")})).status_code == 404
    assert (await other.delete(where)).status_code == 404
    assert (await other.get("/api/v1/knowledge")).json()["items"] == []


async def test_without_a_token_nothing_is_read(serving: Serving, base: str) -> None:
    async with client_of(serving.app, "") as nobody:
        where = f"/api/v1/knowledge/{base}/documents/upload"
        assert (await nobody.post(where, files={"file": ("a.txt", b"a")})).status_code == 401


async def test_a_process_that_reads_no_files_says_so_and_takes_texts(tmp_path: Path) -> None:
    async with serve(tmp_path) as serving:
        base = (await serving.post("/knowledge", {"name": "x"})).json()["id"]
        answer = await sent(serving, base, "a.txt", b"a")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_available")
        assert (await added(serving, base, text="tea"))["name"] == "document"


async def test_the_name_of_a_file_shows_as_it_is(serving: Serving, base: str) -> None:
    answer = await sent(serving, base, "../notes\u202etxt.exe\u2066.txt", "退款需要三天。".encode())
    assert answer.json()["name"] == "notestxt.exe.txt"
