"""Document: fetch a file, and take text and tables out of it."""

from __future__ import annotations

from datetime import timedelta
from email.message import Message
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from engine.values import Json
from nodes.context import HttpReply
from nodes.sandbox import CodeFailed, DocumentTask
from nodes.surface import Category, Example, NodeContext, Retry, activity_node
from nodes.tools.http_reply import check_status, header

FILE_BYTES: Final = 20 * 1024 * 1024
FETCH_SECONDS: Final = 60.0

_EXTENSIONS: Final = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/xhtml+xml": "html",
    "text/html": "html",
    "text/markdown": "md",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "text/plain": "txt",
    "application/json": "json",
}
_KNOWN: Final = frozenset({*_EXTENSIONS.values(), "htm", "markdown", "text", "log"})
_OTHER: Final = frozenset({"doc", "xls", "ppt", "pptx", "docm", "xlsm", "rtf", "odt", "ods", "epub", "zip", "xml"})


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="Where the file is.")
    name: str = Field("", description="Its name, where neither the URL nor the server tells: the ending says the kind.")


class Output(BaseModel):
    text: str = Field(description="The text, tables included.")
    tables: list[list[list[Any]]] = Field(
        description="The tables, as lists of rows of cells. Cells of a workbook keep their type; others are text."
    )
    pages: int = Field(description="Pages of a PDF, sheets of a workbook; otherwise 1.")
    kind: str = Field(description="What it was read as: pdf, docx, xlsx, html, md, csv, txt or json.")


@activity_node(
    "read_document",
    title="Document",
    category=Category.DATA,
    timeout=timedelta(minutes=5),
    retry=Retry(attempts=3, backoff=timedelta(seconds=1)),
    examples=(
        Example(
            title="A text",
            inputs={"url": "https://example.test/ok", "name": "ok.txt"},
            output={"text": "ok", "tables": [], "pages": 1, "kind": "txt"},
        ),
        Example(
            title="Rows",
            inputs={"url": "https://example.test/prices.csv"},
            output={
                "text": "茶,price\n龙井,90",
                "tables": [[["茶", "price"], ["龙井", "90"]]],
                "pages": 1,
                "kind": "csv",
            },
        ),
    ),
)
async def read_document(inputs: Inputs, ctx: NodeContext) -> Output:
    """Fetch a file and take text and tables out of it: PDF, Word, Excel, HTML, Markdown, CSV, text, JSON.

    The ending of the name says what it is, and the content has to agree. Files of at most 20 MiB are read, PDFs without
    their tables, which a PDF does not know, and without pictures of text. Texts are in UTF-8, UTF-16 or GB 18030 (GBK).
    Refused are files with macros or a password, archives that unpack to far more than they are, and more than 2,000
    pages, 100,000 rows, 1,000 columns or 20 MB of text. The file is read in a jail, without network.
    """
    url = inputs.url.strip()
    reply = await ctx.http.request("GET", url, timeout_seconds=FETCH_SECONDS, max_bytes=FILE_BYTES)
    check_status("GET", url, reply)
    name = inputs.name.strip() or _name(reply, url)
    try:
        done = await ctx.sandbox.run(ctx.run.org_id, DocumentTask(reply.body, name))
    except CodeFailed as failed:
        raise _told(failed, name) from failed
    output = Output.model_validate(done.value)
    if not output.text.strip():
        ctx.warn("The document holds no text; its pages may be pictures.")
    return output


def _name(reply: HttpReply, url: str) -> str:
    """The name that the server gives the file, or the URL; the content type tells the ending where that is no help."""
    told = Message()
    told["content-disposition"] = header(reply, "content-disposition").replace("\n", " ").replace("\r", " ")
    path = unquote(urlsplit(reply.url or url).path).rpartition("/")[2]
    for name in (told.get_filename() or "", path):
        if name.rpartition(".")[2].lower() in _KNOWN | _OTHER and "." in name:
            return name
    kind = header(reply, "content-type").partition(";")[0].strip().lower()
    return f"{path or 'document'}.{_EXTENSIONS[kind]}" if kind in _EXTENSIONS else path


def _told(failed: CodeFailed, name: str) -> CodeFailed:
    """The failure in words about a document, where the jail spoke of code."""
    facts: dict[str, Json] = {**failed.facts, "name": name}
    match failed.facts.get("reason"):
        case "timeout":
            return CodeFailed("The document takes longer to read than it may.", **facts)
        case "memory":
            return CodeFailed("The document takes more memory to read than it may.", **facts)
        case "crashed":
            return CodeFailed("The document broke what was to read it.", **facts)
        case _:
            return CodeFailed(failed.message, **facts)
