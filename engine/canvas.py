"""The canvas: the document an editor draws, as data; its JSON Schema is generated from these models."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag

CANVAS_FORMAT: Final = 1
SCOPES: Final = ("item", "index", "loop", "user", "app", "system")
"""Words that stand first in a reference and are no node: the element and number of the turn, a loop's variables, and
variables.
"""

JsonSchema = dict[str, JsonValue]
"""A type, as the subset of JSON Schema that canvases use: type, properties, required, items, default, description,
enum, format.
"""

NODE_ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"
NodeId = Annotated[str, Field(pattern=NODE_ID_PATTERN)]


class Strict(BaseModel):
    """A part of the document in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Literally(Strict):
    """The value as it stands here."""

    value: JsonValue


class Reference(Strict):
    """A value from elsewhere: `[node id, key, …]`, or a scope word first.

    `["item", …]` and `["index"]` belong to the turn of the enclosing composite, `["loop", name]` is a loop variable,
    `["user"|"app"|"system", name, …]` a variable. A path through a list takes the first element unless a number says
    which.
    """

    ref: Annotated[list[str | int], Field(min_length=1, max_length=32)]
    strict: bool = False
    """Whether a path into a node's output that goes on behind null, an empty list, or what has no members, makes the
    step fail; otherwise there is no value. A key that an object does not have is no value either way.
    """


class Template(Strict):
    """A text with `{{placeholders}}`: the name of a sibling input, or a node id with a path; `{{a.b[0].c}}`."""

    template: str


class ObjectOf(Strict):
    """An object whose members are expressions."""

    object: dict[str, Expression]


class ListOf(Strict):
    """A list whose items are expressions."""

    list: list[Expression]


def _form(value: Any) -> str | None:
    for key in ("value", "ref", "template", "object", "list"):
        if (isinstance(value, dict) and key in value) or hasattr(value, key):
            return key
    return None


Expression = Annotated[
    Annotated[Literally, Tag("value")]
    | Annotated[Reference, Tag("ref")]
    | Annotated[Template, Tag("template")]
    | Annotated[ObjectOf, Tag("object")]
    | Annotated[ListOf, Tag("list")],
    Discriminator(
        _form,
        custom_error_type="expression",
        custom_error_message=(
            'an input is one of {"value": …}, {"ref": […]}, {"template": "…"}, {"object": {…}}, {"list": […]}'
        ),
    ),
]


class OnError(Strict):
    """What happens when the node fails: `fail` ends the run, `default` goes on with `default`, `branch` leaves by the
    port `error`.

    With `default` and `branch` the output gains `isSuccess` and, after a failure, `errorBody` {errorMessage,
    errorCode}.
    """

    policy: Literal["fail", "default", "branch"] = "fail"
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    timeout_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 0
    """For all attempts together; 0 means the node type's own."""
    default: dict[str, JsonValue] | None = None
    codes: Literal["words", "numbers"] = "words"
    """How `errorBody.errorCode` names the error: by its word here, or by the number that Coze gives it."""


class NodeData(Strict):
    """What a node says of itself."""

    title: Annotated[str, Field(max_length=200)] = ""
    description: Annotated[str, Field(max_length=4_000)] = ""
    inputs: dict[str, Expression] = Field(default_factory=dict)
    types: dict[str, JsonSchema] = Field(default_factory=dict)
    """Types that the author declares for inputs, by name. Such an input is converted before anything reads it (what
    does not fit becomes null, with a warning), and is the zero of its type where it is absent or null; a type whose
    `default` is null leaves it so. Any other input has the type that the node type gives it.
    """
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Fixed choices that no reference can fill; their shape belongs to the node type."""
    outputs: JsonSchema | None = None
    """The declared output, an object type; a start node declares the run's input here."""
    results: dict[str, Reference] = Field(default_factory=dict)
    """Composites only: a name for a reference to an inner node's output (collected per turn) or a loop variable (final
    value).
    """
    on_error: OnError = Field(default_factory=OnError)


class Edge(Strict):
    """A line from a port to a node.

    Inside a composite, its own id as source is the body's beginning, as target the body's end.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    source: Annotated[str, Field(alias="sourceNodeID")]
    target: Annotated[str, Field(alias="targetNodeID")]
    port: Annotated[str | None, Field(alias="sourcePortID")] = None


class Node(Strict):
    """A node; composites carry `blocks` and the `edges` between them, one level deep."""

    id: NodeId
    type: Annotated[str, Field(min_length=1, max_length=64)]
    meta: dict[str, JsonValue] = Field(default_factory=dict)
    data: NodeData = Field(default_factory=NodeData)
    blocks: list[Node] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)

    @property
    def title(self) -> str:
        """What people call it: its title, or its id."""
        return self.data.title or self.id


class Canvas(Strict):
    """A whole workflow as it is drawn."""

    format: Literal[1] = CANVAS_FORMAT
    nodes: list[Node] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)
    meta: dict[str, JsonValue] = Field(default_factory=dict)


def canvas_schema() -> dict[str, Any]:
    """The JSON Schema of the document, as published."""
    schema = Canvas.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"mainspring-canvas-{CANVAS_FORMAT}",
        **schema,
    }
