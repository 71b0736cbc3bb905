"""Document: how a file is fetched, what it is taken for, and what is told when it cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.errors import NodeFailed, NodeUnavailable
from nodes.context import HttpReply
from nodes.data.read_document import read_document
from nodes.documents import FILE_BYTES
from nodes.sandbox import CodeFailed, DocumentTask, Finished, Task
from tests.nodes.context import ExampleSite, NodeWorld
from tests.nodes.jail import OpenJail
from tests.workers.coderunner.good_files import POEM, pdf, word


@dataclass
class Files(ExampleSite):
    """A site that gives one file, whatever is asked for."""

    body: bytes = "茶".encode()
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    final: str = ""
    limits: list[int | None] = field(default_factory=list)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        params: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
        timeout_seconds: float = 60.0,
        max_bytes: int | None = None,
    ) -> HttpReply:
        self.limits.append(max_bytes)
        return HttpReply(self.status, self.headers, self.body, self.final or url)


async def test_a_document_gives_its_text_tables_pages_and_kind() -> None:
    site = Files(word())
    found = await read_document.run({"url": "https://example.test/%E8%AF%97.docx?a=b"}, NodeWorld(http=site))
    assert found["kind"] == "docx"
    assert POEM in str(found["text"])
    assert found["tables"] == [[["茶", "价格"], ["龙井", "90\nper 100 g"]], [["per 100 g"]]]
    assert site.limits == [FILE_BYTES]


@pytest.mark.parametrize(
    ("url", "name", "headers", "final", "taken_for"),
    [
        ("https://example.test/a.md", "", {}, "", "a.md"),
        ("https://example.test/a.md", "b.txt", {}, "", "b.txt"),
        ("https://example.test/a", "", {"content-type": "text/markdown; charset=utf-8"}, "", "a.md"),
        ("https://example.test/", "", {"content-type": "application/json"}, "", "document.json"),
        ("https://example.test/v1.2", "", {"content-type": "text/plain"}, "", "v1.2.txt"),
        ("https://example.test/get?id=1", "", {"content-disposition": 'attachment; filename="p.csv"'}, "", "p.csv"),
        (
            "https://example.test/get",
            "",
            {"content-disposition": "attachment; filename*=UTF-8''%E4%BB%B7.csv"},
            "",
            "价.csv",
        ),
        ("https://example.test/a", "", {}, "https://cdn.example.test/b.txt", "b.txt"),
        # The type that a server tells says less than the ending: they call anything plain text.
        ("https://example.test/a.csv", "", {"content-type": "text/plain"}, "", "a.csv"),
        ("https://example.test/old.doc", "", {"content-type": "text/plain"}, "", "old.doc"),
        ("https://example.test/a", "", {}, "", "a"),
    ],
)
async def test_the_kind_shows_in_the_name_or_in_what_the_server_says(
    url: str, name: str, headers: dict[str, str], final: str, taken_for: str
) -> None:
    class Asked(OpenJail):
        async def run(self, org_id: str, task: Task) -> Finished:
            assert isinstance(task, DocumentTask)
            assert task.name == taken_for
            return Finished({"text": "茶", "tables": [], "pages": 1, "kind": "txt"})

    site = Files(headers=tuple(headers.items()), final=final)
    given: dict[str, Any] = {"url": url, "name": name}
    assert (await read_document.run(given, NodeWorld(http=site, sandbox=Asked())))["text"] == "茶"


async def test_a_file_that_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(CodeFailed, match="but it is a PDF") as found:
        await read_document.run({"url": "https://example.test/a.docx"}, NodeWorld(http=Files(pdf(["tea"]))))
    assert (found.value.facts["reason"], found.value.facts["name"]) == ("refused", "a.docx")


async def test_a_file_that_is_not_there_fails_and_a_server_in_trouble_is_asked_again() -> None:
    with pytest.raises(NodeFailed, match="404"):
        await read_document.run({"url": "https://example.test/a.txt"}, NodeWorld(http=Files(status=404)))
    with pytest.raises(NodeUnavailable, match="503"):
        await read_document.run({"url": "https://example.test/a.txt"}, NodeWorld(http=Files(status=503)))


async def test_a_document_without_text_is_warned_of() -> None:
    here = NodeWorld(http=Files(pdf([""])))
    assert (await read_document.run({"url": "https://example.test/a.pdf"}, here))["text"] == ""
    assert "no text" in here.warned[0]


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("timeout", "takes longer to read"),
        ("memory", "more memory to read"),
        ("crashed", "broke what was to read it"),
        ("error", "The file is damaged."),
    ],
)
async def test_a_failure_speaks_of_the_document(reason: str, sentence: str) -> None:
    class Failing(OpenJail):
        async def run(self, org_id: str, task: Task) -> Finished:
            raise CodeFailed("The file is damaged.", reason=reason)

    here = NodeWorld(http=Files(), sandbox=Failing())
    with pytest.raises(CodeFailed, match=sentence) as found:
        await read_document.run({"url": "https://example.test/a.txt"}, here)
    assert found.value.facts == {"reason": reason, "name": "a.txt"}
