"""What the interpreter asks of the world it runs in: Temporal makes it durable, memory makes it fast."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from engine.errors import FlowError
from engine.events import EventType, RunEvent
from engine.json_text import write_json
from engine.plan import Call, Plan
from engine.values import Json


@dataclass(frozen=True, slots=True)
class RunContext:
    """Who runs what. The same for every step of a run; `prefix`, `depth` and `plan_hash` change inside a sub-workflow.

    Ids are decimal strings. `started_at` is UTC milliseconds. `prefix` is the path of the step this plan runs in, with
    a trailing slash, or empty.
    """

    run_id: str
    org_id: str
    space_id: str
    workflow_id: str
    version: str
    plan_hash: str
    user_id: str = ""
    started_at: int = 0
    prefix: str = ""
    depth: int = 0
    app_id: str = ""
    """Whose variables and conversations the run uses: an application's id, any word of the space's own. Empty: the
    workflow by itself.
    """
    conversation_id: str = ""
    """The conversation that the run is a turn of, or empty."""
    chat: bool = False
    """The run answers a message of a conversation, with its history."""
    draft: bool = False
    """A test run: it works on draft tables and on conversations of its own."""
    channel: str = ""
    """Through which channel its user came; conversations of different channels are apart."""

    @property
    def sys_uuid(self) -> str:
        """The same in every run of this user with this application."""
        return b64encode(write_json([self.space_id, self.app_id, self.channel, self.user_id]).encode()).decode()

    quiet: bool = False
    """A tool of a model runs: what its messages say is for nobody else."""


class StepError(FlowError):
    """An activity's error as it reaches the interpreter, by whatever road; `error_code` is the original's."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, **facts: Json) -> None:
        super().__init__(message, **facts)
        self.error_code = code
        self.may_retry = retryable
        self.usage: Mapping[str, int] = {}
        """What was spent before it came to this."""

    @classmethod
    def of(cls, error: FlowError) -> StepError:
        """The same finding in the interpreter's form."""
        if isinstance(error, StepError):
            return error
        return cls(error.code, error.message, retryable=error.retryable, **error.facts)

    def to_json(self) -> dict[str, Json]:
        """The form in events, records and answers."""
        return {"code": self.error_code, "message": self.message, **({"facts": self.facts} if self.facts else {})}


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """A message that forwards the pieces of a streamed output: whoever makes them sends `prefix` before the first.

    With a `cue` the message is not ready for them: it is once the event of this key (`message.opened`) is told. All
    that was made until then is sent at once, the rest as it comes.
    """

    path: str
    node: str
    prefix: str = ""
    cue: str = ""
    early: bool = False
    """The pieces are of what is told before the streamed output itself."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One attempt of a `Call` step. `path` is its place in the run; `idempotency_key` is the same for every attempt.

    `inputs` are bound and converted; a `BlobRef` in them is loaded by whoever runs the activity.
    """

    call: Call
    path: str
    node: str
    node_type: str
    title: str
    attempt: int
    inputs: Mapping[str, Json]
    context: RunContext
    idempotency_key: str
    output_schema: Mapping[str, Json] | None = None
    timeout_ms: int = 0
    targets: tuple[StreamTarget, ...] = ()
    turn: int = 0
    """The number of this turn in a conversation; 0 for the first, and for what is no conversation."""
    conversation: tuple[Json, ...] = ()
    """What was before this turn: per turn what the model `said`, and the `answers` of the tools that it called."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool that a model wants made: `tool` is its place among the tools of the step.

    With an `error` it cannot be made (there is no such tool, or the arguments do not fit), and the model is told so.
    """

    id: str
    name: str
    tool: int
    arguments: Mapping[str, Json]
    error: str = ""


@dataclass(frozen=True, slots=True)
class ToolsCalled:
    """A turn that did not end a conversation: what was `said`, which the next turn is told again, and the calls.

    `told` says that pieces of the output were told, which are void now.
    """

    said: Json
    calls: tuple[ToolUse, ...]
    told: bool = False


@dataclass(frozen=True, slots=True)
class CallResult:
    """What an activity hands back: the output, what it cost (`usage`: tokens) or wants said (`warnings`), the lines
    that an author's code printed (`logs`), the port to leave by where the node has several, and, of a call that reads
    an answer, the `question` to go on with when that was not all.
    """

    output: dict[str, Json]
    usage: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    port: str | None = None
    question: str | None = None
    tools: ToolsCalled | None = None
    """A turn of a conversation ended with calls instead of an output."""
    forwarded: tuple[str, ...] = ()
    """Paths of messages whose cue came in time: they got all pieces of the streamed output."""
    void: bool = False
    """What was told in pieces is not what the output came to."""
    details: dict[str, Json] = field(default_factory=dict)
    """What else the record shows."""


@dataclass(frozen=True, slots=True)
class OpenWait:
    """A question to a person. `wait_id` is the step's path: the same until it is answered, whatever dies in between.

    Further questions of the same step (`<path>.2`, `<path>.3`, …) have the `path` beside it.
    """

    wait_id: str
    kind: Literal["question", "form"]
    node: str
    title: str
    prompt: str = ""
    options: tuple[str, ...] = ()
    schema: Mapping[str, Json] | None = None
    free: bool = True
    """A question with options takes an answer that is none of them too."""
    path: str = ""

    @property
    def place(self) -> str:
        """The path of the step that asks."""
        return self.path or self.wait_id


@dataclass(frozen=True, slots=True)
class SubflowRequest:
    """A sub-workflow to run with a history of its own."""

    plan_hash: str
    inputs: Mapping[str, Json]
    context: RunContext
    title: str
    timeout_ms: int = 0
    targets: tuple[StreamTarget, ...] = ()
    """Messages that forward its answer."""


@dataclass(frozen=True, slots=True)
class SubflowResult:
    """Its output, the steps it executed, and the tokens it used.

    Of the messages that were to forward its answer `forwarded` names (by path) those that got the whole, and `void`
    those that got something else; the others got nothing.
    """

    output: dict[str, Json]
    executed: int
    usage: dict[str, int] = field(default_factory=dict)
    forwarded: tuple[str, ...] = ()
    void: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """Turns `start` to `start + len(items)` of a batch, to be walked elsewhere: fused in one activity, or by a child
    run.

    `step` names the Map step by its id within the plan of `context.plan_hash`; `outer` holds the outputs of steps
    around the batch that its body reads, by step number. `concurrency` bounds the turns in flight within the slice.
    """

    step: str
    path: str
    title: str
    start: int
    items: tuple[Json, ...]
    outer: Mapping[str, Json]
    concurrency: int
    context: RunContext
    fused: bool


@dataclass(frozen=True, slots=True)
class SliceResult:
    """Per result name the collected values, in the order of the items."""

    results: dict[str, list[Json]]
    executed: int
    usage: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """An inline step whose bound values are by reference: evaluate it where they can be loaded.

    `bound` is what `engine.evaluate.evaluate` takes; `step` names the step (id) in the plan of `context.plan_hash`.
    """

    step: str
    path: str
    title: str
    bound: Mapping[str, Json]
    context: RunContext


class Runtime(Protocol):
    """Where a plan runs. Every failure that a step may handle arrives as a `StepError`."""

    def now(self) -> int:
        """UTC milliseconds, the same at every replay."""
        ...

    def emit(self, event: RunEvent) -> None:
        """Tell it, soon; it is stored before the run ends."""
        ...

    def plan(self, plan_hash: str) -> Plan:
        """A plan by its hash."""
        ...

    async def call(self, request: CallRequest) -> CallResult: ...
    async def evaluate(self, request: EvaluateRequest) -> Json: ...
    async def wait(self, wait: OpenWait) -> Json:
        """Wait for the answer, checked by `engine.answers.check_answer` before it gets here."""
        ...

    async def sleep(self, seconds: float) -> None: ...
    async def subflow(self, request: SubflowRequest) -> SubflowResult: ...
    async def slice(self, request: SliceRequest) -> SliceResult: ...
    async def breathe(self) -> None:
        """Called after every bounded amount of inline work: the runtime may put a checkpoint here, or give up its
        place.
        """
        ...

    def hand_over_due(self) -> bool:
        """Whether the history is long enough that the run should go on in a fresh one at the next turn of a loop."""
        ...


def wait_opened(wait: OpenWait, at: int, executor: str = "") -> RunEvent:
    """The event that a person is asked; `executor` names who takes the answer."""
    data: dict[str, Any] = {
        "wait_id": wait.wait_id,
        "kind": wait.kind,
        "title": wait.title,
        "prompt": wait.prompt,
        "options": list(wait.options),
        "schema": dict(wait.schema) if wait.schema is not None else None,
        "free": wait.free,
        "executor": executor,
    }
    return RunEvent(f"{wait.wait_id}:wait:opened", EventType.WAIT_OPENED, at, wait.place, wait.node, data)


def wait_answered(wait: OpenWait, answer: Json, at: int) -> RunEvent:
    """The event that the answer has come."""
    data: dict[str, Json] = {"wait_id": wait.wait_id, "answer": answer}
    return RunEvent(f"{wait.wait_id}:wait:answered", EventType.WAIT_ANSWERED, at, wait.place, wait.node, data)
