"""Cases of Coze canvases: a document as an editor saves it, what it runs with, and what must come of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

CORPUS: Final = Path(__file__).parent.parent / "canvases" / "coze"


class _Part(BaseModel):
    """A part of a case file, in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reply(_Part):
    """What a scripted model answers; a bare text in the file is `{"text": …}`."""

    text: str = ""
    pieces: list[str] = Field(default_factory=list)
    """The text in these pieces, where it matters."""
    reasoning: str = ""
    tool_calls: list[ToolCalled] = Field(default_factory=list)
    fail: str = ""
    """Refuse for good, with this sentence."""
    unavailable: str = ""
    """Refuse for now."""
    usage: dict[str, int] = Field(default_factory=dict)
    when: str = ""
    """Only for a conversation that holds this text."""
    again: bool = False
    """As often as it is asked for, not once."""


class ToolCalled(_Part):
    """A tool that a scripted model calls."""

    name: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class Site(_Part):
    """What stands at a URL."""

    url: str
    method: str = ""
    status: int = 200
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""
    delay: float = 0
    """Seconds until it answers."""
    when: str = ""
    """Only for a body that holds this text."""
    again: bool = False
    fail: str = ""
    """It cannot be reached, with this sentence."""


class Variable(_Part):
    """A variable: what it is, and what it holds before the first run."""

    type: dict[str, JsonValue]
    initial: JsonValue = None
    value: JsonValue = None


class TableColumn(_Part):
    """A field of a table."""

    name: str
    type: Literal["text", "integer", "number", "boolean", "time"] = "text"
    required: bool = False


class Table(_Part):
    """A database table of an author's: fields in order, rows online and in the draft."""

    fields: list[TableColumn]
    access: Literal["limited", "read_only", "unlimited"] = "unlimited"
    rows: list[dict[str, JsonValue]] = Field(default_factory=list)
    draft_rows: list[dict[str, JsonValue]] = Field(default_factory=list)


class Plugin(_Part):
    """A plugin: its OpenAPI document."""

    document: dict[str, JsonValue]


class Message(_Part):
    """A message of a conversation before the first run."""

    role: Literal["user", "assistant"]
    content: str


class Conversation(_Part):
    """A conversation that is there before the first run."""

    messages: list[Message] = Field(default_factory=list)
    static: bool = False


class World(_Part):
    """What is there besides the canvas, by the names that the table of ids leads to."""

    models: dict[str, list[Reply | str]] = Field(default_factory=dict)
    takes: dict[str, list[str]] = Field(default_factory=dict)
    """What a model takes beside text; without an entry images, audio and video."""
    http: list[Site] = Field(default_factory=list)
    user: dict[str, Variable] = Field(default_factory=dict)
    app: dict[str, Variable] = Field(default_factory=dict)
    tables: dict[str, Table] = Field(default_factory=dict)
    plugins: dict[str, Plugin] = Field(default_factory=dict)
    knowledge: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Base → document → text."""
    conversations: dict[str, Conversation] = Field(default_factory=dict)


class Answer(_Part):
    """An answer to a question: to the one at a place, or else to the oldest that is open."""

    give: JsonValue
    at: str = ""
    refused: str = ""
    """It is refused with a sentence that holds this, and the question stays open."""


class Record(_Part):
    """What a step's record must say, by its place in the run; what is not given may be anything."""

    status: Literal["succeeded", "failed", "skipped", "cancelled", "absent"] = "succeeded"
    title: str | None = None
    type: str | None = None
    inputs: dict[str, JsonValue] | None = None
    output: JsonValue = None
    port: str | None = None
    handled: Literal["default", "branch"] | None = None
    attempt: int | None = None
    warnings: bool | None = None
    number: int | None = None
    usage: dict[str, int] | None = None
    variable_select: list[int | None] | None = None


class Said(_Part):
    """A message of the run, its whole text; `pieces` is how many came, at least."""

    node: str
    text: str
    pieces: int = 0


class Waited(_Part):
    """A question as a person saw it."""

    at: str
    kind: str | None = None
    prompt: str | None = None
    options: list[str] | None = None
    title: str | None = None


class Spoken(_Part):
    """A message that a model was asked with; `contains` stands in its text, or `text` is its text."""

    role: str
    text: str | None = None
    contains: list[str] = Field(default_factory=list)
    lacks: list[str] = Field(default_factory=list)
    media: list[str] = Field(default_factory=list)


class Asked(_Part):
    """A question to a model."""

    model: str
    messages: list[Spoken] | None = None
    options: dict[str, JsonValue] = Field(default_factory=dict)
    tools: list[str] | None = None


class Requested(_Part):
    """A request that went out; the headers are among others."""

    method: str = ""
    url: str = ""
    query: dict[str, str] | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    contains: list[str] = Field(default_factory=list)


class Expect(_Part):
    """What must come of a run. `refused`: the canvas cannot be compiled."""

    status: Literal["succeeded", "failed", "refused", "waiting"]
    output: JsonValue = None
    answer: str | None = None
    number: int | None = None
    node: str | None = None
    contains: str | None = None
    records: dict[str, Record] = Field(default_factory=dict)
    messages: list[Said] | None = None
    waits: list[Waited] | None = None
    asked: list[Asked] | None = None
    requests: int | list[Requested] | None = None
    stored: dict[Literal["user", "app"], dict[str, JsonValue]] | None = None
    rows: dict[str, list[dict[str, JsonValue]]] | None = None
    """What a table holds in the end: the fields that are named here, the rows in the order they were added."""


class Run(_Part):
    """One run of the canvas."""

    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    answers: list[Answer | str] = Field(default_factory=list)
    draft: bool = False
    chat: bool = False
    app_id: str = ""
    conversation_id: str = ""
    user_id: str = "u1"
    models: dict[str, list[Reply | str]] | None = None
    http: list[Site] | None = None
    expect: Expect


class Finding(_Part):
    """A diagnostic that must be among those of the import and of validation."""

    code: str | None = None
    node: str | None = None
    field: str | None = None
    severity: Literal["error", "warning"] | None = None
    contains: str | None = None


class Document(_Part):
    """A workflow that the canvas calls: its draft, and versions by name."""

    name: str
    description: str = ""
    canvas: dict[str, JsonValue]
    versions: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)


class Case(_Part):
    """A case file."""

    says: str
    """What it proves, as a sentence."""
    proves: list[str] = Field(default_factory=list)
    """Sections of the reference."""
    quirks: list[int] = Field(default_factory=list)
    """Numbers of the decisions on its quirks."""
    open: str = ""
    """Why it does not hold yet."""
    ids: dict[str, dict[str, str]] = Field(default_factory=dict)
    world: World = World()
    diagnostics: list[Finding] | None = None
    runs: list[Run] = Field(min_length=1)
    canvas: dict[str, JsonValue]
    documents: dict[str, Document] = Field(default_factory=dict)


def case_names() -> list[str]:
    """`family/case`, in order."""
    return sorted(str(file.relative_to(CORPUS).with_suffix("")) for file in CORPUS.glob("*/*.json"))


@cache
def load_case(name: str) -> Case:
    """A case by its name. Raises `pydantic.ValidationError` for a file that is none."""
    return Case.model_validate(read_case(name))


def read_case(name: str) -> Any:
    """The JSON of a case file."""
    return json.loads((CORPUS / f"{name}.json").read_text(encoding="utf-8"))
