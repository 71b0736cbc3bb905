"""The tools of an LLM node before its model: what it is shown of them, and what it calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.conversion import convert_strictly
from engine.errors import FlowError
from engine.json_text import write_json
from engine.runtime import ToolUse
from engine.schema import properties_of
from engine.tools import TOOLS, distinct, function_name, shown_parameters
from engine.values import Json
from nodes.chat import ToolCall, ToolSpec
from nodes.context import NodeContext

_ARGUMENTS: Final = "arguments"


@dataclass(frozen=True)
class Toolbox:
    """What is offered, in the order of the settings, and which results are hidden."""

    specs: tuple[ToolSpec, ...] = ()
    hidden_results: tuple[tuple[str, ...], ...] = ()

    def uses(self, calls: Sequence[ToolCall]) -> list[ToolUse]:
        """The calls as they are to be made: each with its tool, and arguments of the declared types."""
        return [self._use(call) for call in calls]

    def _use(self, call: ToolCall) -> ToolUse:
        place = next((number for number, spec in enumerate(self.specs) if spec.name == call.name), -1)
        if place < 0:
            known = ", ".join(spec.name for spec in self.specs)
            return ToolUse(call.id, call.name, -1, call.arguments, f"There is no tool {call.name}; there are: {known}.")
        schema = dict(self.specs[place].parameters)
        known_names = properties_of(schema)
        given = {name: value for name, value in call.arguments.items() if name in known_names}
        try:
            fitting: Any = convert_strictly(given, schema, field=_ARGUMENTS)
        except FlowError as error:
            return ToolUse(call.id, call.name, place, call.arguments, f"The call does not fit: {error.message}")
        return ToolUse(call.id, call.name, place, fitting)

    def told(self, answer: Mapping[str, Any]) -> str:
        """What the model is told of a tool's answer."""
        if "error" in answer:
            return f"The tool failed: {answer['error']['message']}"
        if "text" in answer:
            return str(answer["text"])
        place = answer.get("tool", -1)
        hidden = self.hidden_results[place] if 0 <= place < len(self.hidden_results) else ()
        return write_json(_without(answer["output"], [path.split(".") for path in hidden]))


async def toolbox(ctx: NodeContext) -> Toolbox:
    """The tools of this step. Raises `NotFound` for a plugin's tool that is not there."""
    offered: Any = ctx.settings.get(TOOLS) or []
    # Names that somebody chose come first: another tool gives way.
    names: list[str] = [function_name(one["name"]) for one in offered if one.get("name")]
    specs: list[ToolSpec] = []
    for one in offered:
        name = function_name(one["name"]) if one.get("name") else ""
        if one["kind"] == "plugin":
            run = ctx.run
            known = await ctx.plugins.tool(
                run.org_id, run.space_id, one["plugin"], one["tool"], one.get("version") or ""
            )
            if not name:
                name = distinct(function_name(known.function_name), names)
                names.append(name)
            hidden = [*(one.get("fixed") or {}), *(one.get("hidden") or [])]
            description = one.get("description") or known.description
            specs.append(ToolSpec(name, description, shown_parameters(known.parameters, hidden)))
        else:
            specs.append(ToolSpec(name, one.get("description") or "", one["parameters"]))
    return Toolbox(tuple(specs), tuple(tuple(one.get("hidden_results") or ()) for one in offered))


def _without(value: Json, paths: Sequence[Sequence[str]]) -> Json:
    """The value without what stands at these paths; a path goes through every element of a list."""
    wanted = [path for path in paths if path]
    if not wanted:
        return value
    if isinstance(value, list):
        return [_without(item, wanted) for item in value]
    if not isinstance(value, dict):
        return value
    gone = {path[0] for path in wanted if len(path) == 1}
    return {
        name: _without(member, [path[1:] for path in wanted if path[0] == name])
        for name, member in value.items()
        if name not in gone
    }
