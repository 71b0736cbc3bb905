"""Condition: go one way or another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.canvas import Expression, JsonSchema, Literally
from engine.node_type import Lowering
from engine.plan import Case, Choose, Comparison, Operator
from nodes.schema import ExpressionField
from nodes.surface import Category, Example, control_node, settings_of

OTHERWISE: Final = "otherwise"
UNARY: Final = frozenset({"empty", "not_empty", "is_true", "is_false"})


class ComparisonSetting(BaseModel):
    """`left operator right`."""

    model_config = ConfigDict(extra="forbid")

    left: ExpressionField
    operator: Operator
    right: ExpressionField | None = Field(
        None, description="Not for empty, not_empty, is_true and is_false: with them it may be null at most."
    )
    left_type: JsonSchema | None = Field(
        None, description="The type that the left side is converted to before it is compared; null where it cannot be."
    )
    right_type: JsonSchema | None = Field(None, description="The same for the right side.")

    @model_validator(mode="after")
    def _sides(self) -> ComparisonSetting:
        if self.operator in UNARY and isinstance(self.right, Literally) and self.right.value is not None:
            raise ValueError(f"{self.operator} looks at the left side alone: leave out `right`.")
        if self.operator not in UNARY and self.right is None:
            raise ValueError(f"{self.operator} compares with something: `right` is missing.")
        return self


class CaseSetting(BaseModel):
    """A way out, and when it opens."""

    model_config = ConfigDict(extra="forbid")

    port: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        None, description="The port's name; without one it is case_0, case_1, … by its place."
    )
    logic: Literal["and", "or"] = Field("and", description="Whether all comparisons must hold, or one.")
    comparisons: list[ComparisonSetting] = Field(min_length=1)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cases: list[CaseSetting] = Field(
        min_length=1, description="Looked at in order; the first that holds opens its port."
    )

    @model_validator(mode="after")
    def _distinct_ports(self) -> Settings:
        names = ports(self)
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"The port {name} is there more than once.")
        if "error" in names:
            raise ValueError("The port error is taken: a failing node leaves by it.")
        return self


class Output(BaseModel):
    port: str = Field(description="The port that opened.")


def ports(settings: Settings) -> tuple[str, ...]:
    return (*(case.port or f"case_{number}" for number, case in enumerate(settings.cases)), OTHERWISE)


def expressions(settings: Settings) -> Iterator[tuple[str, Expression]]:
    for number, case in enumerate(settings.cases):
        for place, comparison in enumerate(case.comparisons):
            path = f"cases.{number}.comparisons.{place}"
            yield f"{path}.left", comparison.left
            if comparison.right is not None:
                yield f"{path}.right", comparison.right


@control_node(
    "condition",
    title="Condition",
    category=Category.LOGIC,
    settings=Settings,
    ports=ports,
    outputs=Output,
    expressions=expressions,
    null_outputs=False,
    examples=(
        Example(
            inputs={},
            settings={
                "cases": [
                    {
                        "port": "many",
                        "comparisons": [
                            {"left": {"value": 12}, "operator": "greater", "right": {"value": 10}},
                            {"left": {"value": "red, green"}, "operator": "contains", "right": {"value": "green"}},
                        ],
                    }
                ]
            },
            output={"port": "many"},
        ),
    ),
)
def condition(lowering: Lowering) -> Choose:
    """Open the port of the first case that holds, or `otherwise`.

    Both sides of a comparison are a value, a reference or a template. The operators: `equal`, `not_equal`; for numbers
    `greater`, `greater_equal`, `less`, `less_equal`; for texts and lists `length_greater`, `length_greater_equal`,
    `length_less`, `length_less_equal`, with a number to the right; for texts, lists and objects `contains`,
    `not_contains` (of an object: the key); `empty`, `not_empty`, and for booleans `is_true`, `is_false`, which have no
    right side.
    """
    settings = settings_of(lowering, Settings)
    *names, otherwise = ports(settings)
    return Choose(
        cases=tuple(
            Case(
                port=name,
                logic=case.logic,
                comparisons=tuple(
                    Comparison(
                        left=lowering.bind(comparison.left),
                        operator=comparison.operator,
                        right=None if comparison.right is None else lowering.bind(comparison.right),
                        left_type=comparison.left_type,
                        right_type=comparison.right_type,
                    )
                    for comparison in case.comparisons
                ),
            )
            for name, case in zip(names, settings.cases, strict=True)
        ),
        otherwise=otherwise,
    )
