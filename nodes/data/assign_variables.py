"""Assign Variables: keep values beyond the run."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.errors import NodeFailed
from nodes.reading import read_settings
from nodes.surface import Category, Example, NodeContext, Retry, activity_node
from nodes.variables import Holder, write_variables

_NO_VALUE = 777777763


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scopes: dict[str, Literal["user", "app"]] = Field(
        default_factory=dict,
        description="For each input whether it sets a variable of the user or of the application (`app`).",
    )
    names: dict[str, str] = Field(
        default_factory=dict,
        description="The variable that an input sets, where the input is not named after it: so that one node can set "
        "a variable of the user and one of the application that have the same name.",
    )


class Inputs(BaseModel):
    model_config = ConfigDict(extra="allow")


class Output(BaseModel):
    isSuccess: bool = True


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    for name in node.data.inputs:
        if name not in settings.scopes:
            yield Diagnostic(
                code="missing_scope",
                message=f"The settings do not say whether {name} is a variable of the user or of the app.",
                node=node.id,
                field=f"data.settings.scopes.{name}",
            )
    for name in settings.scopes:
        if name not in node.data.inputs:
            yield Diagnostic(
                code="missing_input",
                message=f"The variable {settings.names.get(name, name)} is given no value: the input {name} is "
                "missing.",
                node=node.id,
                field=f"data.inputs.{name}",
            )
    for name in settings.names:
        if name not in settings.scopes:
            yield Diagnostic(
                code="unknown_input",
                message=f'The settings name a variable for the input "{name}", which there is not.',
                node=node.id,
                field=f"data.settings.names.{name}",
            )


@activity_node(
    "assign_variables",
    title="Assign Variables",
    category=Category.DATA,
    # No local activity: what a value was made of must be in the history before it is kept. A crash would otherwise
    # have the steps before read what this one has set, and count once more.
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    settings=Settings,
    check=check,
    null_outputs=False,
    examples=(
        Example(
            inputs={"language": "中文", "visits": 3},
            settings={"scopes": {"language": "user", "visits": "app"}},
            output={"isSuccess": True},
        ),
        Example(
            title="Two variables of one name",
            inputs={"mine": "茶", "ours": "咖啡"},
            settings={"scopes": {"mine": "user", "ours": "app"}, "names": {"mine": "drink", "ours": "drink"}},
            output={"isSuccess": True},
        ),
    ),
)
async def assign_variables(inputs: Inputs, ctx: NodeContext) -> Output:
    """Set variables that outlive the run: each input is named after the variable it sets.

    A variable of the user is found again in every run of that user (of the same application and channel, where the run
    has such), one of the app in every run of the application, or else of this workflow. Where variables are defined,
    a value must be of the type of its variable. They are set in the order of the settings.
    """
    settings = read_settings(Settings, ctx.settings)
    given, holder = inputs.model_extra or {}, Holder.of(ctx.run)
    for name in settings.scopes:
        if name not in given:
            variable = settings.names.get(name, name)
            raise NodeFailed(
                f"There is no value for the variable {variable}: the input {name} was not found.",
                field=f"inputs.{name}",
                number=_NO_VALUE,
            )
    for name, scope in settings.scopes.items():
        await write_variables(ctx.variables, holder, scope, {settings.names.get(name, name): given[name]})
    return Output()
