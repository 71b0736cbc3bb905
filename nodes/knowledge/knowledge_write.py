"""Knowledge Write: read a file and keep it in a knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.errors import InvalidInput, NodeFailed
from engine.file_names import KEEPS_FILE_NAME
from nodes.documents import fetch_file, read_file
from nodes.reading import read_settings
from nodes.surface import Category, Example, NodeContext, Retry, activity_node
from storage.ports.knowledge import USUAL_CHUNKING, NewDocument
from storage.ports.knowledge import Chunking as Cut


class Parsing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: Literal["fast", "accurate"] = Field(
        default="fast", description="How closely to look; both read the same today."
    )
    images: bool = Field(default=False, description="Keep the pictures of the document.")
    tables: bool = Field(default=True, description="Keep its tables, as text.")
    ocr: bool = Field(default=False, description="Read the text in pictures.")


class Chunking(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: Literal["default", "custom"] = Field(
        default="default", description="default: at lines, 800 characters, 10% overlap."
    )
    separator: str = Field(default="\n", min_length=1, max_length=100, description="Where chunks may end.")
    max_tokens: int = Field(default=800, ge=50, le=10_000, description="How long a chunk is at most, in characters.")
    overlap: float = Field(default=0.1, ge=0, le=0.9, description="The share of a chunk that repeats the one before.")


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base: str = Field("", description="The id of the knowledge base.")
    parsing: Parsing = Field(default_factory=Parsing)
    chunking: Chunking = Field(default_factory=Chunking)


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    knowledge: str = Field("", description="Where the file is: its URL.", json_schema_extra=KEEPS_FILE_NAME)


class Output(BaseModel):
    documentId: int
    fileName: str
    fileUrl: str


def check(node: Node, settings: Settings | None) -> Iterator[Diagnostic]:
    if settings is not None and not settings.base:
        yield Diagnostic(
            code="knowledge_base_missing",
            message="No knowledge base is named: there is nowhere to write.",
            field="data.settings.base",
        )


@activity_node(
    "knowledge_write",
    title="Knowledge Write",
    category=Category.KNOWLEDGE,
    timeout=timedelta(minutes=10),
    retry=Retry(attempts=3, backoff=timedelta(seconds=1)),
    settings=Settings,
    check=check,
    examples=(
        Example(
            inputs={"knowledge": "https://example.test/prices.csv?x-wf-file_name=%E4%BB%B7%E6%A0%BC.csv"},
            settings={"base": "1"},
            output={"documentId": 2, "fileName": "价格.csv", "fileUrl": "https://example.test/prices.csv"},
        ),
    ),
)
async def knowledge_write(inputs: Inputs, ctx: NodeContext) -> Output:
    """Read a file and keep it in a knowledge base, cut into chunks that can be found at once.

    Read are PDF, Word (docx), Excel (xlsx), HTML, Markdown, CSV, JSON and text files of at most 20 MiB; pictures and
    the text in them are not. The name is the one that the URL carries (`x-wf-file_name`), or what the server says. A
    step that runs twice writes one document.
    """
    settings = read_settings(Settings, ctx.settings)
    if not settings.base:
        raise InvalidInput("No knowledge base is named.", field="settings.base")
    if not inputs.knowledge.strip():
        raise InvalidInput("knowledge must be the URL of a file.", field="inputs.knowledge")
    run, parsing = ctx.run, settings.parsing
    # Before a file is fetched and read for nothing.
    await ctx.knowledge.bases(run.org_id, run.space_id, [settings.base])
    file = await fetch_file(ctx.http, inputs.knowledge)
    read = await read_file(ctx.sandbox, run.org_id, file.data, file.name)
    if not read.text.strip():
        raise NodeFailed(f"{file.name} holds no text; its pages may be pictures.", name=file.name)
    if parsing.images or parsing.ocr:
        ctx.warn("Pictures in documents, and the text in them, are not read yet.")
    cut = settings.chunking
    written = await ctx.knowledge.write(
        run.org_id,
        run.space_id,
        settings.base,
        NewDocument(name=file.name, text=read.text, url=file.url, kind=read.kind, size=len(file.data)),
        chunking=USUAL_CHUNKING if cut.mode == "default" else Cut(cut.separator, cut.max_tokens, cut.overlap),
        key=ctx.idempotency_key,
    )
    return Output(documentId=int(written.document_id), fileName=written.name, fileUrl=written.url)
