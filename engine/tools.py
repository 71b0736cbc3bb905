"""Tools that a model may call: what they are called before it, and what it is shown of a workflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from engine.canvas import JsonSchema
from engine.plan import Converse, Subflow, Tool
from engine.schema import properties_of, required_of
from engine.values import Json

if TYPE_CHECKING:
    from engine.compile import Callee

TOOLS: Final = "tools"
"""The setting of a turn under which a model's tools are described, in the order of the conversation's own."""

LONGEST_NAME: Final = 64
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")
_OF_A_WORKFLOW: Final = 29
"""Its name stands twice in that of the tool."""


def function_name(wanted: str, otherwise: str = "tool") -> str:
    """A name that every provider takes: letters, digits, `_` and `-`, at most 64, a letter or `_` first.

    Of a name that has none of these, `otherwise` stands in its place.
    """
    name = _UNFIT.sub("_", wanted).strip("_") or _UNFIT.sub("_", otherwise).strip("_") or "tool"
    return (name if name[0].isalpha() else f"_{name}")[:LONGEST_NAME]


def workflow_tool_name(name: str, workflow_id: str) -> str:
    """What a workflow is called as a tool, unless its author says otherwise: `ts_<name>_<name>`, as in Coze."""
    plain = _UNFIT.sub("_", name).strip("_") or _UNFIT.sub("_", workflow_id).strip("_") or "workflow"
    plain = plain[:_OF_A_WORKFLOW]
    return f"ts_{plain}_{plain}"


def distinct(name: str, taken: Collection[str]) -> str:
    """The name, or with a number behind it where it is taken."""
    found, number = name, 1
    while found in taken:
        number += 1
        end = f"_{number}"
        found = name[: LONGEST_NAME - len(end)] + end
    return found


def shown_parameters(schema: JsonSchema, hidden: Collection[str]) -> JsonSchema:
    """The schema of a tool's arguments as a model is shown it: without what is hidden from it."""
    properties: dict[str, Json] = {name: member for name, member in properties_of(schema).items() if name not in hidden}
    required: list[Json] = [name for name in required_of(schema) if name not in hidden]
    shown: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    return shown


def offer_tools(action: Converse, find: Callable[[Subflow], tuple[Subflow, Callee]]) -> Converse:
    """Find the workflows among the tools, and put what a model is shown of them into the settings of a turn."""
    offered: Any = action.turn.settings.get(TOOLS)
    shown: list[Json] = []
    tools: list[Tool] = []
    names: list[str] = []
    for tool, given in zip(action.tools, offered, strict=True):
        if not isinstance(tool.action, Subflow):
            shown.append(given)
            tools.append(tool)
            continue
        flow, callee = find(tool.action)
        own = str(given.get("name") or "")
        name = function_name(own) if own else workflow_tool_name(callee.name, callee.workflow_id)
        name = distinct(name, names)
        names.append(name)
        shown.append(
            {
                **given,
                "name": name,
                "description": given.get("description") or callee.description or callee.name,
                "parameters": shown_parameters(callee.plan.inputs, tool.hidden),
            }
        )
        title = tool.title or callee.name or name
        tools.append(tool.model_copy(update={"action": flow, "title": title, "answers": callee.plan.answers}))
    turn = action.turn.model_copy(update={"settings": {**action.turn.settings, TOOLS: shown}})
    return action.model_copy(update={"turn": turn, "tools": tuple(tools)})
