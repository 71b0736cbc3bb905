"""The surface on which node types are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.errors import InvalidInput
from engine.plan import Call
from engine.values import Json
from nodes.reading import read_inputs, read_settings
from nodes.schema import ExpressionField, schema_of
from nodes.surface import DECLARED, Category, NodeContext, Retry, activity_node, control_node, settings_of
from tests.nodes.context import NodeWorld


class Place(BaseModel):
    city: str
    zip: int | None = None


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Who it is.")
    age: int | None = Field(None, ge=0)
    ratio: int | float = 0.5
    kind: Literal["cat", "dog"] = "cat"
    only: Literal["this"] = "this"
    places: list[Place] = Field(default_factory=list)
    notes: dict[str, str] = Field(default_factory=dict)
    any: Any = None
    either: int | str = 1


class Output(BaseModel):
    greeting: str


class Settings(BaseModel):
    loud: bool = False
    when: ExpressionField | None = None


class Inside(BaseModel):
    inner: list[Inside] = Field(default_factory=list)


async def greet(inputs: Inputs, ctx: NodeContext) -> Output:
    """Greet somebody."""
    return Output(greeting=f"Hello {inputs.name}")


async def free(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Give what the canvas declares."""
    return {"anything": inputs.name}


made = activity_node(
    "greet",
    title="Greet",
    category=Category.TEXT,
    tier="local",
    timeout=timedelta(seconds=1.5),
    heartbeat=timedelta(seconds=3),
    retry=Retry(attempts=4, backoff=timedelta(milliseconds=250), factor=3),
    streams="greeting",
    settings=Settings,
)(greet)


class Lowered:
    """What the compiler offers, for a node without anything to bind."""

    def __init__(self, settings: BaseModel | None = None) -> None:
        self.node = Node(id="n", type="greet")
        self.settings = settings

    def bind(self, expression: Any) -> Any:
        raise AssertionError("nothing to bind")

    def text(self, template: str) -> Any:
        raise AssertionError("nothing to cut")

    def give(self, name: str, expression: Any) -> None:
        raise AssertionError("nothing to give")


def test_a_models_schema_is_the_subset_that_canvases_use() -> None:
    assert schema_of(Inputs) == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "Who it is."},
            "age": {"type": "integer"},
            "ratio": {"type": "number", "default": 0.5},
            "kind": {"type": "string", "enum": ["cat", "dog"], "default": "cat"},
            "only": {"type": "string", "enum": ["this"], "default": "this"},
            "places": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}, "zip": {"type": "integer"}},
                    "required": ["city"],
                },
            },
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {},
            "either": {"default": 1},
        },
        "required": ["name"],
        "additionalProperties": False,
    }


def test_an_expression_in_the_settings_is_named_by_its_format() -> None:
    assert schema_of(Settings)["properties"] == {
        "loud": {"type": "boolean", "default": False},
        "when": {"format": "expression"},
    }


def test_a_model_within_itself_has_no_schema() -> None:
    with pytest.raises(TypeError, match="Inside contains Inside within itself"):
        schema_of(Inside)


def test_an_activity_node_lowers_itself_to_a_call() -> None:
    assert made.type.lower(Lowered(Settings(loud=True))) == Call(
        activity="greet",
        tier="local",
        timeout_ms=1500,
        heartbeat_ms=3000,
        attempts=4,
        backoff_ms=250,
        backoff_factor=3.0,
        streams="greeting",
        settings={"loud": True},
    )
    assert made.type.description == "Greet somebody."
    assert made.type.outputs == {
        "type": "object",
        "properties": {"greeting": {"type": "string"}},
        "required": ["greeting"],
        "additionalProperties": False,
    }


async def test_running_checks_the_inputs_and_gives_json() -> None:
    assert await made.run({"name": "李雷", "age": None, "kind": None}, NodeWorld()) == {"greeting": "Hello 李雷"}


async def test_an_output_without_a_model_is_the_canvass_to_declare() -> None:
    node = activity_node("free", title="Free", category=Category.TEXT, outputs=DECLARED)(free)
    assert node.type.outputs is None
    assert await node.run({"name": "x"}, NodeWorld()) == {"anything": "x"}
    with pytest.raises(TypeError, match="needs `outputs`"):
        activity_node("free", title="Free", category=Category.TEXT)(free)


@pytest.mark.parametrize(
    ("values", "sentence", "place"),
    [
        ({}, "The input name is missing: Who it is.", "name"),
        ({"name": None}, "The input name is missing: Who it is.", "name"),
        ({"name": ["x"]}, "The input name is a list; it must be a text.", "name"),
        ({"name": "x", "age": "old"}, "The input age is a text; it must be a whole number.", "age"),
        (
            {"name": "x", "age": -1},
            "The input age is the number -1. Input should be greater than or equal to 0.",
            "age",
        ),
        ({"name": "x", "kind": "cow"}, "The input kind is 'cow'. Input should be 'cat' or 'dog'.", "kind"),
        ({"name": "x", "places": [{"city": "A"}, {}]}, "The input places.1.city is missing.", "places.1.city"),
        ({"name": "x", "nam": "y"}, "There is no input nam; this node takes: name, age,", "nam"),
    ],
)
def test_an_input_that_does_not_fit_is_named_with_what_would(
    values: Mapping[str, Json], sentence: str, place: str
) -> None:
    with pytest.raises(InvalidInput) as found:
        read_inputs(Inputs, values)
    assert sentence in found.value.message
    assert found.value.facts["field"] == place


def test_many_findings_are_told_at_once_but_not_all() -> None:
    with pytest.raises(InvalidInput, match="There are 2 more findings") as found:
        read_inputs(Inputs, {"name": 1, **{f"x{number}": 1 for number in range(6)}})
    fields: Any = found.value.facts["fields"]
    assert len(fields) == 7


def test_settings_that_do_not_fit_are_named_too() -> None:
    with pytest.raises(InvalidInput, match="The setting loud is a text; it must be true or false"):
        read_settings(Settings, {"loud": "very"})


def test_a_function_that_is_no_node_is_refused_where_it_is_written() -> None:
    def sync(inputs: Inputs, ctx: NodeContext) -> Output:
        """Not async."""
        return Output(greeting="")

    async def bare(inputs: Inputs, ctx: NodeContext) -> Output:
        return Output(greeting="")

    async def untyped(inputs, ctx) -> Output:  # type: ignore[no-untyped-def]
        """Says nothing of its inputs."""
        return Output(greeting="")

    decorate = activity_node("x", title="X", category=Category.TEXT)
    for function, sentence in ((sync, "async def"), (bare, "docstring"), (untyped, "pydantic model")):
        with pytest.raises(TypeError, match=sentence):
            decorate(function)  # type: ignore[arg-type]


def test_a_control_node_keeps_what_it_is_told() -> None:
    @control_node(
        "x", title="X", category=Category.LOGIC, settings=Settings, ports=lambda s: ("a", "b") if s.loud else ()
    )
    def lowered(lowering: Any) -> Call:
        """Steer."""
        return Call(activity=str(settings_of(lowering, Settings).loud), tier="local", timeout_ms=1)

    assert lowered.type.ports_of(Settings(loud=True)) == ("a", "b")
    assert lowered.type.ports_of(Settings()) == ()
    assert lowered.type.lower(Lowered()) == Call(activity="False", tier="local", timeout_ms=1)
    with pytest.raises(TypeError, match="settings of Place, not Settings"):
        lowered.type.lower(Lowered(Place(city="A")))
