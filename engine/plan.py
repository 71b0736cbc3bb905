"""The plan: what a canvas compiles to.

Immutable, content-addressed, and free of node types: only steps that an interpreter knows.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.canvas import JsonSchema

PLAN_FORMAT: Final = 1
EVAL_VERSION: Final = 1


class Frozen(BaseModel):
    """A part of the plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- bindings: where a value comes from, resolved to step numbers ---


class Const(Frozen):
    """A literal."""

    kind: Literal["const"] = "const"
    value: JsonValue


class FromStep(Frozen):
    """The output of a step of the same graph, or of the graph around it (`outer`)."""

    kind: Literal["step"] = "step"
    step: int
    path: tuple[str | int, ...] = ()
    outer: bool = False
    strict: bool = False
    """A path that goes on behind null, an empty list, or what has no members, is an error; otherwise it is no value."""


class FromScope(Frozen):
    """A value of the turn (`item`, `index`, `loop`) or a variable (`user`, `app`, `system`)."""

    kind: Literal["scope"] = "scope"
    scope: Literal["item", "index", "loop", "user", "app", "system"]
    path: tuple[str | int, ...] = ()


class FromInput(Frozen):
    """A sibling input of the same step, already bound: what a template's placeholder names."""

    kind: Literal["input"] = "input"
    name: str
    path: tuple[str | int, ...] = ()


class Placeholder(Frozen):
    """A `{{placeholder}}` and its text, which stands again where the value is unknown."""

    source: Annotated[FromStep | FromScope | FromInput, Field(discriminator="kind")] | None
    """None when the root names nothing: the text then stays as it is."""
    text: str


class Text(Frozen):
    """A template, cut into literal text and placeholders."""

    kind: Literal["text"] = "text"
    parts: tuple[str | Placeholder, ...]


class Obj(Frozen):
    """An object of bindings; members without a value are left out."""

    kind: Literal["object"] = "object"
    members: dict[str, Binding]


class Arr(Frozen):
    """A list of bindings; items without a value become null."""

    kind: Literal["list"] = "list"
    items: tuple[Binding, ...]


Binding = Annotated[Const | FromStep | FromScope | FromInput | Text | Obj | Arr, Field(discriminator="kind")]


# --- actions: what a step does ---


class Start(Frozen):
    """Take the run's input: convert it to the declared types, fill in defaults, refuse what is required and absent."""

    kind: Literal["start"] = "start"


class Finish(Frozen):
    """End the run.

    `variables`: the bound inputs are the output. `answer`: the template's text is, under `output`, and it streams.
    """

    kind: Literal["finish"] = "finish"
    mode: Literal["variables", "answer"]
    answer: Text | None = None


class Emit(Frozen):
    """Send a message of the run; output `{"output": text}`."""

    kind: Literal["emit"] = "emit"
    content: Text


class Call(Frozen):
    """Do something outside: run the activity of this name. Times in milliseconds.

    `attempts` counts tries after retryable errors; `on_error.retries` of the canvas raises it and applies to every
    error. `streams` names the output field whose pieces the activity tells while it runs, `thinks` one that it tells
    before that.
    """

    kind: Literal["call"] = "call"
    activity: str
    tier: Literal["local", "activity"]
    timeout_ms: int
    heartbeat_ms: int = 10_000
    attempts: int = 1
    backoff_ms: int = 500
    backoff_factor: float = 2.0
    streams: str | None = None
    thinks: str | None = None
    settings: dict[str, JsonValue] = Field(default_factory=dict)


class Compute(Frozen):
    """A pure, total, bounded function of the step's inputs, by its name in the frozen module of the plan's `eval`
    version.
    """

    kind: Literal["compute"] = "compute"
    operation: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)


Operator = Literal[
    "equal", "not_equal", "length_greater", "length_greater_equal", "length_less", "length_less_equal",
    "contains", "not_contains", "empty", "not_empty", "is_true", "is_false",
    "greater", "greater_equal", "less", "less_equal",
]  # fmt: skip


class Comparison(Frozen):
    """`left operator right`; unary operators have no right. A side with a type is converted to it, or is null."""

    left: Binding
    operator: Operator
    right: Binding | None = None
    left_type: JsonSchema | None = None
    right_type: JsonSchema | None = None


class Case(Frozen):
    """A port and the comparisons that open it."""

    port: str
    logic: Literal["and", "or"] = "and"
    comparisons: tuple[Comparison, ...]


class Choose(Frozen):
    """Open the port of the first case that holds, or `otherwise`."""

    kind: Literal["choose"] = "choose"
    cases: tuple[Case, ...]
    otherwise: str


class Merge(Frozen):
    """Per group the first candidate that is present and not null; null when there is none."""

    kind: Literal["merge"] = "merge"
    groups: dict[str, tuple[Binding, ...]]
    order: tuple[str, ...] = ()
    """The names as the author has them in order; a plan's bytes sort those of an object."""


class Assign(Frozen):
    """Set loop variables from the bound inputs of the same names; null becomes the zero of the variable's type."""

    kind: Literal["assign"] = "assign"
    types: dict[str, JsonSchema] = Field(default_factory=dict)


class Refuse(Frozen):
    """Fail with this sentence: the step stands for something that this server does not have."""

    kind: Literal["refuse"] = "refuse"
    code: str
    message: str
    facts: dict[str, JsonValue] = Field(default_factory=dict)


class Give(Frozen):
    """Give this output, leave by this port, and do nothing: the step is pinned for a test run."""

    kind: Literal["give"] = "give"
    output: dict[str, JsonValue]
    port: str | None = None


class Leave(Frozen):
    """Leave the turn (`continue`), or the loop after this turn (`break`)."""

    kind: Literal["leave"] = "leave"
    how: Literal["break", "continue"]


class Result(Frozen):
    """What a composite hands on under a name: an inner step's output per turn, or a loop variable's final value."""

    source: Annotated[FromStep | FromScope, Field(discriminator="kind")]


class Loop(Frozen):
    """Turns one after another.

    Bound inputs: `items` (list, or object of lists walked together), `count`, and `variables` (object).
    """

    kind: Literal["loop"] = "loop"
    mode: Literal["array", "count", "infinite"]
    zipped: bool = False
    body: Graph
    results: dict[str, Result]
    variable_types: dict[str, JsonSchema] = Field(default_factory=dict)


class Map(Frozen):
    """Turns side by side (a batch).

    Bound inputs: `items`, `concurrency` (0 or absent: 10), `limit` (0 or absent: `usual_limit`).

    `inline` says that the body holds inline steps alone; `fused` that it holds inline and local steps alone, so that a
    slice of turns may be walked within one activity.
    """

    kind: Literal["map"] = "map"
    zipped: bool = False
    usual_limit: int = 0
    """How many items are taken at most where the input does not say it; 0: all of them."""
    inline: bool = False
    fused: bool = False
    body: Graph
    results: dict[str, Result]
    activities: int = 1
    """What one turn puts into the history, counted in activities; with the number of items it decides where turns are
    walked.
    """


class Wait(Frozen):
    """Ask a person and wait. Output and port are made by `engine.answers` from the answer.

    kind `question`: bound inputs `question` (text), `options` (list of texts, may be absent); fixed `options` may stand
    in the settings, with `ports` when each has one; `dynamic` when the options are known only now and share a port.
    kind `form`: `schema` in the settings.

    A question with a `reader` has this call made of each answer that is not simply one of its options: it gives the
    output and the port, or a further question, until `limit` of the settings answers are given.
    """

    kind: Literal["wait"] = "wait"
    ask: Literal["question", "form"]
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    reader: Call | None = None


class Delay(Frozen):
    """Wait for the bound input `seconds`."""

    kind: Literal["delay"] = "delay"


class Subflow(Frozen):
    """Run another plan. `inline` walks it here (it holds inline steps alone), `child` gives it a history of its own."""

    kind: Literal["subflow"] = "subflow"
    plan_hash: str
    workflow_id: str
    version: str
    tier: Literal["inline", "child"]
    streams: str | None = None
    """The field of its output that it tells in pieces: it ends with an answer, and takes its time."""


class Tool(Frozen):
    """What a model may call, by its place among the tools of its conversation.

    It is called with the model's arguments but for those named in `hidden`, and with those that are `fixed`. Where it
    `answers`, its output is a text that ends the conversation: the model is not asked again.
    """

    action: Annotated[Call | Subflow, Field(discriminator="kind")]
    title: str = ""
    fixed: dict[str, JsonValue] = Field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    answers: bool = False


class Converse(Frozen):
    """Let a model call tools until it answers: a turn of the model, the tools it calls side by side, the next turn.

    Every turn is this call, which is told the conversation so far; every tool has a place of its own below the step. A
    tool that fails is told to the model. `max_rounds` bounds how often tools are called.
    """

    kind: Literal["converse"] = "converse"
    turn: Call
    tools: tuple[Tool, ...] = ()
    max_rounds: int = 20


Action = Annotated[
    Start
    | Finish
    | Emit
    | Call
    | Compute
    | Choose
    | Merge
    | Assign
    | Refuse
    | Give
    | Leave
    | Loop
    | Map
    | Wait
    | Delay
    | Subflow
    | Converse,
    Field(discriminator="kind"),
]


# --- steps and graphs ---


class ErrorPolicy(Frozen):
    """See `engine.canvas.OnError`; `default` is already converted to the output's type."""

    policy: Literal["fail", "default", "branch"] = "fail"
    retries: int = 0
    timeout_ms: int = 0
    default: dict[str, JsonValue] | None = None
    codes: Literal["words", "numbers"] = "words"


class Step(Frozen):
    """One node, lowered.

    `title` and `node_type` are labels for events and for the Temporal UI; nothing decides by them.
    """

    id: str
    title: str
    node_type: str
    action: Action
    inputs: dict[str, Binding] = Field(default_factory=dict)
    input_schema: JsonSchema | None = None
    """What the bound inputs are converted to before the step runs; None leaves them as they are."""
    types: JsonSchema | None = None
    """The types that the author declares for inputs (an object): see `engine.canvas.NodeData.types`."""
    output_schema: JsonSchema | None = None
    zero_inputs: bool = False
    """Declared inputs that are missing or null become the zero of their type."""
    null_outputs: bool = False
    """Declared outputs that are missing become null."""
    on_error: ErrorPolicy = ErrorPolicy()
    needs: tuple[int, ...] = ()
    """Steps of the same graph whose outputs this one reads: it waits for them, edge or no edge."""


class Wire(Frozen):
    """An edge: leaving `source` by `port` (None: whatever port) reaches `target`."""

    source: int
    target: int
    port: str | None = None


class Graph(Frozen):
    """Steps in document order and the wires between them.

    `entries` are reached from the beginning (the composite's own edges).
    """

    steps: tuple[Step, ...]
    wires: tuple[Wire, ...]
    entries: tuple[int, ...]


class Plan(Frozen):
    """A compiled workflow."""

    format: Literal[1] = PLAN_FORMAT
    eval: Literal[1] = EVAL_VERSION
    graph: Graph
    inputs: JsonSchema
    outputs: JsonSchema
    in_place: bool
    """Every step is inline, also in the plans below: nothing outside to lose."""
    answers: bool
    """The end answers with a text."""
    plans: tuple[str, ...] = ()
    """Hashes of every plan that this one may run, directly or deeper."""

    def to_bytes(self) -> bytes:
        """The canonical bytes, whose hash is the plan's name."""
        document = self.model_dump(mode="json", exclude_defaults=False)
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def plan_hash(data: bytes) -> str:
    """The name of a plan: the SHA-256 of its canonical bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def read_plan(data: bytes) -> Plan:
    """The plan of these bytes."""
    return Plan.model_validate_json(data)
