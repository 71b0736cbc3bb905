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


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scopes: dict[str, Literal["user", "app"]] = Field(
        default_factory=dict, description="For each variable whether it is the user's or the workflow's own (`app`)."
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
                message=f"The variable {name} is given no value: the input {name} is missing.",
                node=node.id,
                field=f"data.inputs.{name}",
            )


@activity_node(
    "assign_variables",
    title="Assign Variables",
    category=Category.DATA,
    tier="local",
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
    ),
)
async def assign_variables(inputs: Inputs, ctx: NodeContext) -> Output:
    """Set variables that outlive the run: each input is named after the variable it sets.

    A variable of the user is found again in every run of that user in the space, one of the app in every run of this
    workflow.
    """
    scopes = read_settings(Settings, ctx.settings).scopes
    run = ctx.run
    owners = {"user": run.user_id, "app": run.workflow_id}
    for scope in ("user", "app"):
        values = {name: value for name, value in (inputs.model_extra or {}).items() if scopes[name] == scope}
        if not values:
            continue
        if not owners[scope]:
            raise NodeFailed(
                f"This run has no {scope}, so there is nobody whose variables could be set.", variables=[*values]
            )
        await ctx.variables.write(run.org_id, run.space_id, scope, owners[scope], values)
    return Output()
