"""What routes about runs take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from api.parameters import Body, Id, Millis

LONGEST_WAIT = 600.0

RunStateName = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
NodeStateName = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
Word = Annotated[str, StringConstraints(min_length=1, max_length=191)]
ShortWord = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ByReference = (
    'A large value stands as a reference: `{"$blob": {"sha", "size", "kind", "length", "path", "preview"}}`; '
    "the whole is at `/api/v1/runs/{run_id}/values/{sha}`."
)


class PinIn(Body):
    """What a node gives instead of doing anything."""

    output: dict[str, JsonValue] = Field(description="Its output, converted to the types that it declares.")
    port: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="The port that it leaves by, where it has several."
    )


PinsIn = Annotated[
    dict[str, PinIn],
    Field(max_length=1_000, description="Nodes of the draft that give what is written here, by their ids."),
]


class StartRun(Body):
    """A run to be started."""

    inputs: dict[str, JsonValue] = Field({}, description="What the start node declares.", examples=[{"name": "Ada"}])
    version: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        None, description="A published version; the latest when absent; `draft` for a test run of the draft."
    )
    mode: Literal["sync", "async", "stream"] = Field(
        "sync",
        description="`sync` answers when the run has ended or waits for a person, `async` at once, `stream` with its "
        "events as they happen.",
    )
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = Field(
        60.0, description="With `sync`: how long the answer may take. After that it shows the run under way."
    )
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=191)] | None = Field(
        None,
        description="Starting twice with the same key starts one run. The header `Idempotency-Key` does the same.",
    )
    user_id: Word | None = Field(
        None, description="The end user on whose behalf it runs, in any words; without, the token itself."
    )
    app_id: Word | None = Field(
        None, description="The application whose variables and conversations it uses, in any words."
    )
    channel: ShortWord | None = Field(None, description="The channel through which its user came, in any words.")
    conversation_id: Annotated[str, StringConstraints(min_length=1, max_length=30)] | None = Field(
        None,
        description="The conversation that the run is a turn of: the input `USER_INPUT` is kept there as what the user "
        "said, the answer as what was answered. Its user, application and channel are the run's.",
    )
    pins: PinsIn = Field({}, description="For a test run: nodes that give what is written here, and do nothing.")


class RunError(BaseModel):
    """Why a run or a step failed."""

    code: str = Field(examples=["node_failed"])
    message: str
    facts: dict[str, JsonValue] = {}


class Usage(BaseModel):
    """Tokens."""

    input_tokens: int
    output_tokens: int


class WaitOut(BaseModel):
    """A question to a person."""

    wait_id: str = Field(description="What the answer names.", examples=["ask"])
    node: str
    title: str
    kind: Literal["question", "form"]
    prompt: str
    options: list[str] = []
    schema_: dict[str, Any] | None = Field(None, alias="schema", description="The form, as JSON Schema.")
    opened: Millis


class RunOut(BaseModel):
    """A run."""

    id: Id
    workflow_id: Id
    workflow_key: str
    workflow_name: str
    version: str
    kind: Literal["run", "test", "debug"] = Field(
        description="`test`: it runs a draft; `debug`: it runs one node of a draft alone."
    )
    mode: Literal["in_place", "durable"] = Field(description="`in_place`: walked within the request, through no queue.")
    state: RunStateName
    inputs: Any = Field(description=ByReference)
    output: Any = Field(description=ByReference)
    answer: str | None = Field(description="The text, when the end answers with one.")
    error: RunError | None
    waits: list[WaitOut] = Field(description="The questions that are open.")
    usage: Usage
    executed_steps: int
    user_id: str | None = Field(description="The end user on whose behalf it runs.")
    app_id: str | None
    channel: str | None
    conversation_id: str | None = Field(description="The conversation that it is a turn of.")
    created: Millis
    started: Millis | None
    finished: Millis | None
    duration_ms: int | None
    temporal_url: str | None = Field(description="The run in Temporal's own interface, when it has one.")


class RunSummary(BaseModel):
    """A run in a list: without its values."""

    id: Id
    workflow_id: Id
    workflow_key: str
    workflow_name: str
    version: str
    kind: Literal["run", "test", "debug"]
    mode: Literal["in_place", "durable"]
    state: RunStateName
    usage: Usage
    executed_steps: int
    created: Millis
    started: Millis | None
    finished: Millis | None
    duration_ms: int | None


class RunPage(BaseModel):
    """Some runs, the newest first."""

    items: list[RunSummary]
    next_cursor: str | None


class NodeOut(BaseModel):
    """What became of one step at one place of a run."""

    path: str = Field(description="Its place: turns of loops and batches in brackets.", examples=["loop[3]/ask"])
    node: str
    title: str
    node_type: str
    parent: str = Field(description="The path of the composite or sub-workflow around it; empty at the top.")
    turn: int | None
    state: NodeStateName
    attempt: int
    port: str | None
    handled: str | None = Field(description="What the error policy made of a failure: `default` or `branch`.")
    inputs: Any = Field(description=ByReference)
    output: Any = Field(description=ByReference)
    error: RunError | None
    warnings: list[str] | None
    logs: list[str] | None = Field(description="The lines that a code node printed.")
    details: dict[str, Any] | None = Field(
        description="What it has to tell beside its output: the `rounds` of a question; `pinned`, when it did not run."
    )
    usage: Usage
    started: Millis | None
    finished: Millis | None
    duration_ms: int | None


class NodePage(BaseModel):
    """Some records, in the order in which the steps began."""

    items: list[NodeOut]
    next_cursor: str | None


class EventOut(BaseModel):
    """One thing that happened in a run."""

    seq: int = Field(description="Its offset: 1, 2, 3 … without gaps.")
    key: str = Field(description="Unique within the run.")
    type: str = Field(examples=["step.succeeded"])
    at: Millis
    path: str
    node: str
    data: dict[str, JsonValue]


class EventPage(BaseModel):
    """Some events, in order."""

    items: list[EventOut]
    ended: bool = Field(description="Whether the last one here ends the run: nothing will follow.")


class AnswerIn(Body):
    """A person's answer."""

    wait_id: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] = Field(examples=["ask"])
    answer: JsonValue = Field(description="A text for a question, an object for a form.", examples=["yes"])
    answer_id: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="The same answer sent again with the same id changes nothing, and is no conflict."
    )


class CancelIn(Body):
    """Why the run shall stop."""

    reason: Annotated[str, StringConstraints(max_length=500)] = ""
