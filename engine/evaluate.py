"""What inline steps compute: pure functions of what was bound, here and where values by reference can be loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.canvas import JsonSchema
from engine.conditions import holds, type_name
from engine.conversion import convert, convert_inputs, zero_of
from engine.errors import EngineError, InvalidInput, LimitExceeded
from engine.evaluate_v1 import OPERATIONS
from engine.limits import Limits
from engine.plan import Assign, Choose, Compute, Graph, Loop, Map, Plan, Step
from engine.templates import Filled, render
from engine.values import MISSING, Json

Material = Any
"""What a step computes from.

Compute and Assign: the bound inputs; Choose: per case its pairs of operands; `Rendering`: a template of any step;
`Measure`: a list by reference whose length is asked for.
"""


class Parts(list[str | Filled]):
    """A template's parts where a text would stand: an input of a step that makes its own text of them."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Asks how many items this list has."""

    of: object


@dataclass(frozen=True, slots=True)
class Rendering:
    """Asks for the text of these parts."""

    parts: list[str | Filled]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What came out: the output, the port to leave by, and what an author should know."""

    output: dict[str, object]
    port: str | None = None
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Json] | None = None
    """What the record of the step shows beside the output."""


def evaluate(step: Step, material: Material, limits: Limits) -> Evaluated:
    """Evaluate an inline step. Raises the errors of the operation itself; `BlobRef`s must have been loaded before."""
    if isinstance(material, Measure):
        if not isinstance(material.of, list):
            raise InvalidInput(f"items is {type_name(material.of)}; a list is needed.", field="inputs.items")
        return Evaluated({"length": len(material.of)})
    if isinstance(material, Rendering):
        return Evaluated({"output": render(material.parts, limit_bytes=limits.rendered_bytes)})
    match step.action:
        case Compute(operation=operation, settings=settings):
            compute = OPERATIONS.get(operation)
            if compute is None:
                raise EngineError(f"This version knows no operation {operation}.", step=step.id)
            done = compute(material, settings, step.output_schema, limits=limits)
            return Evaluated(_bounded(done.output, limits), warnings=tuple(done.warnings))
        case Choose(cases=cases, otherwise=otherwise):
            for case, operands in zip(cases, material, strict=True):
                verdicts = (
                    holds(one.operator, _typed(left, one.left_type), _typed(right, one.right_type))
                    for one, (left, right) in zip(case.comparisons, operands, strict=True)
                )
                if all(verdicts) if case.logic == "and" else any(verdicts):
                    return Evaluated({"port": case.port}, port=case.port)
            return Evaluated({"port": otherwise}, port=otherwise)
        case Assign(types=types):
            made: dict[str, object] = {}
            for name, value in convert_inputs(material, {"properties": dict(types)}).items():
                made[name] = zero_of(types.get(name, {})) if value is None else value
            return Evaluated(made)
        case _:
            raise EngineError(f"A step of kind {step.action.kind} computes nothing.", step=step.id)


def _typed(value: object, schema: JsonSchema | None) -> object:
    """An operand as the type declared for it; null where it cannot be."""
    return value if schema is None or value is MISSING else convert(value, schema)[0]


def _bounded(output: dict[str, object], limits: Limits) -> dict[str, object]:
    for name, value in output.items():
        if isinstance(value, str) and len(value) > limits.value_bytes:
            raise LimitExceeded(
                f"The output {name} would be {len(value)} characters long; the limit is {limits.value_bytes} bytes.",
                limit=limits.value_bytes,
                setting="MAINSPRING_VALUE_BYTES",
            )
    return output


# --- the road through an activity, for values by reference ---


def pack(material: Material) -> dict[str, Json]:
    """Material as JSON (with `BlobRef`s inside), for an `EvaluateRequest`."""
    match material:
        case Measure(of=of):
            return {"measure": _slot(of)}
        case dict():
            return {"inputs": {name: _slot(value) for name, value in material.items()}}
        case Rendering(parts=parts):
            return {"parts": [_packed_part(part) for part in parts]}
        case _:
            return {"cases": [[[_slot(left), _slot(right)] for left, right in operands] for operands in material]}


def unpack(packed: Mapping[str, Any]) -> Material:
    """The reverse of `pack`, its references already loaded."""
    if "measure" in packed:
        return Measure(_unslot(packed["measure"]))
    if "inputs" in packed:
        return {name: _unslot(value) for name, value in packed["inputs"].items()}
    if "parts" in packed:
        return Rendering([_unpacked_part(part) for part in packed["parts"]])
    return [[(_unslot(left), _unslot(right)) for left, right in operands] for operands in packed["cases"]]


def _slot(value: object) -> dict[str, Any]:
    if isinstance(value, Parts):
        return {"parts": [_packed_part(part) for part in value]}
    return {} if value is MISSING else {"value": value}


def _unslot(slot: Mapping[str, Any]) -> object:
    if "parts" in slot:
        return Parts(_unpacked_part(part) for part in slot["parts"])
    return slot.get("value", MISSING)


def _packed_part(part: str | Filled) -> Any:
    return part if isinstance(part, str) else {"text": part.text, "skipped": part.skipped, **_slot(part.value)}


def _unpacked_part(part: Any) -> str | Filled:
    if isinstance(part, str):
        return part
    return Filled(value=part.get("value", MISSING), text=part["text"], skipped=part["skipped"])


def evaluate_step(plan: Plan, step_id: str, packed: Mapping[str, Any], limits: Limits) -> dict[str, Json]:
    """Evaluate an inline step of a plan, found by its id, from packed material: `{"output", "port", "warnings"}`."""
    step = find_step(plan.graph, step_id)
    if step is None:
        raise EngineError("The plan has no such step.", step=step_id)
    done = evaluate(step, unpack(packed), limits)
    output: Any = done.output
    return {"output": output, "port": done.port, "warnings": list(done.warnings)}


def find_step(graph: Graph, step_id: str) -> Step | None:
    """A step of a graph or of a body in it. Node ids are unique in a canvas, so the id alone says which."""
    for step in graph.steps:
        if step.id == step_id:
            return step
        if isinstance(step.action, Loop | Map) and (found := find_step(step.action.body, step_id)) is not None:
            return found
    return None
