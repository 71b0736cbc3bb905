"""Document: fetch a file, and take text and tables out of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nodes.documents import fetch_file, read_file
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


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
    file = await fetch_file(ctx.http, inputs.url, inputs.name)
    read = await read_file(ctx.sandbox, ctx.run.org_id, file.data, file.name)
    if not read.text.strip():
        ctx.warn("The document holds no text; its pages may be pictures.")
    return Output(text=read.text, tables=read.tables, pages=read.pages, kind=read.kind)
