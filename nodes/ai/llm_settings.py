"""The settings of an LLM node: the tools it may call, the knowledge it has, and how far back it remembers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.node_type import CalledWorkflow
from nodes.ai.chain import MOST
from nodes.knowledge.recall import History, Recall

MOST_TOOLS = 64
MOST_ROUNDS = 100
ROUNDS = 20


class _Tool(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: str = Field("", max_length=64, description="Its version; empty for the newest.")
    name: str = Field("", max_length=64, description="What it is called before the model; without it a name is made.")
    description: str = Field(
        "", max_length=4_000, description="What the model is told of it; without it what the tool says of itself."
    )
    fixed: dict[str, JsonValue] = Field({}, description="Arguments that are always the same: the model sees none.")
    hidden: list[str] = Field([], description="Further arguments that the model does not see.")
    hidden_results: list[str] = Field(
        [], description="What the model does not see of the result: names, or paths such as `user.email`."
    )

    @property
    def unseen(self) -> tuple[str, ...]:
        """The arguments that are not the model's to give."""
        return tuple(dict.fromkeys([*self.fixed, *self.hidden]))


class WorkflowTool(_Tool):
    """A workflow that the model may run."""

    kind: Literal["workflow"] = "workflow"
    workflow: str = Field(min_length=1, description="The id of the workflow.")


class PluginTool(_Tool):
    """A tool of a plugin that the model may call."""

    kind: Literal["plugin"] = "plugin"
    plugin: str = Field(min_length=1, description="The id or key of the plugin.")
    tool: str = Field(min_length=1, description="The name of its tool.")


class Knowledge(Recall):
    """What is looked up for the prompt before the model is asked."""

    no_recall: str | None = Field(
        None, max_length=10_000, description="What stands there when nothing is found; without it nothing does."
    )


class FallbackOptions(BaseModel):
    """What a fallback model is asked with instead of the node's own wishes."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = Field(None, ge=0, le=2, description="Without it the node's.")
    top_p: float | None = Field(None, gt=0, le=1, description="Without it the node's.")
    max_tokens: int | None = Field(None, ge=1, description="Without it the node's.")


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tools: list[Annotated[WorkflowTool | PluginTool, Field(discriminator="kind")]] = Field(
        [],
        max_length=MOST_TOOLS,
        description="What the model may call before it answers: `kind` `workflow` with a `workflow`, or `plugin` with a"
        " `plugin` and its `tool`; with `version`, `name`, `description`, and the arguments and results that it does"
        " not see in `fixed`, `hidden` and `hidden_results`.",
    )
    max_rounds: int = Field(
        ROUNDS, ge=1, le=MOST_ROUNDS, description="How often the model may call tools; several at once count once."
    )
    knowledge: Knowledge | None = Field(None, description="Knowledge bases that are searched for the prompt.")
    history: History | None = Field(
        None, description="How much of the conversation the model is told; only within a chat."
    )
    fallback_options: list[FallbackOptions] = Field(
        [], max_length=MOST, description="Wishes of the fallback models' own, in their order."
    )


def called_workflows(settings: Settings) -> Iterator[CalledWorkflow]:
    """The workflows among the tools, for those who check what a canvas calls."""
    for number, tool in enumerate(settings.tools):
        if isinstance(tool, WorkflowTool):
            yield CalledWorkflow(f"tools.{number}", tool.workflow, tool.version, tool.fixed, tool.unseen)
