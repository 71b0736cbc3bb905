"""Steps that take no time: bound and evaluated where they stand, or where their values by reference can be loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.bindings import Bound, Stored
from engine.conversion import convert, convert_inputs, null_fill, start_input, zero_fill
from engine.evaluate import Evaluated, Measure, Parts, Rendering, evaluate, pack
from engine.events import EventType
from engine.limits import Limits
from engine.plan import (
    Assign,
    Call,
    Choose,
    Compute,
    Converse,
    Delay,
    Emit,
    Finish,
    Give,
    Leave,
    Loop,
    Map,
    Merge,
    Refuse,
    Start,
    Step,
    Subflow,
    Wait,
)
from engine.prepare import Node
from engine.runtime import EvaluateRequest, StepError
from engine.secrets import secrets_of, without_secret_headers, without_secrets
from engine.templates import Filled
from engine.values import MISSING, BlobRef, Json, has_refs
from engine.walk import Outcome

if TYPE_CHECKING:
    from engine.frame import Frame

DOING: Final = (Call, Loop, Map, Wait, Delay, Subflow, Converse)
"""Actions that are not begun with inputs that do not fit: another request, or no turn at all, would be a wrong deed."""


def compute_here(frame: Frame, node: Node) -> Outcome:
    """An inline step whose values are all at hand."""
    step = node.step
    said: list[str] = []
    bound = frame.bind_plain(node, None, said)
    for name, fill in node.texts:
        parts = fill(frame, bound, {})
        bound[name] = Parts(parts) if _keeps_parts(step) else _text(step, parts, frame.walk.limits)
    bound, warnings = fit(node, bound)
    return _finish(frame, node, _evaluate(frame, node, bound, {}), bound, [*said, *warnings])


async def compute_carefully(frame: Frame, node: Node, bound: Bound, stored: Stored, warnings: list[str]) -> Outcome:
    """An inline step in a run that carries values by reference, or that reads variables."""
    material: Any = None
    match node.step.action:
        case Finish(mode="answer") | Emit():
            material = _rendering(frame, node, bound, stored)
            far = _hold_refs(material.parts)
        case Choose():
            material = _operands(frame, node, bound, stored)
            far = any(has_refs(pair) for pairs in material for pair in pairs)
        case Compute():
            material = bound
            far = any(_hold_refs(value) if _is_parts(value) else has_refs(value) for value in bound.values())
        case _:
            far = False
    done = await evaluate_elsewhere(frame, node, material) if far else _evaluate(frame, node, bound, stored)
    return _finish(frame, node, done, bound, warnings)


async def bind_inputs(frame: Frame, node: Node, stored: Stored, warnings: list[str]) -> Bound:
    """Bind every input; a template over values by reference is rendered where they can be loaded.

    What did not fit its declared type is added to `warnings`.
    """
    step = node.step
    bound = frame.bind_plain(node, stored, warnings)
    for name, fill in node.texts:
        parts = fill(frame, bound, stored)
        if _keeps_parts(step):
            bound[name] = Parts(parts)
        elif frame.walk.refs_seen and _hold_refs(parts):
            bound[name] = (await evaluate_elsewhere(frame, node, Rendering(parts))).output["output"]
        else:
            bound[name] = _text(step, parts, frame.walk.limits)
    return bound


def fit(node: Node, bound: Bound) -> tuple[Bound, list[str]]:
    """Convert bound inputs to the declared types, and fill in zeros where the node type asks for them.

    What cannot be converted is refused by steps that do something (`DOING`), and a warning for the others.
    """
    step = node.step
    warnings: list[str] = []
    if step.input_schema is not None and isinstance(step.action, DOING):
        bound = convert_inputs(bound, step.input_schema)
        if step.zero_inputs:
            bound = zero_fill(bound, step.input_schema)
    elif step.input_schema is not None:
        # The parts of a template are no value yet: only the step itself makes a text of them.
        kept = {name: value for name, value in bound.items() if _is_parts(value)} if _keeps_parts(step) else {}
        fitting, warnings = convert({**bound, **dict.fromkeys(kept, "")} if kept else bound, step.input_schema)
        bound = fitting if isinstance(fitting, dict) else bound
        if step.zero_inputs:
            bound = zero_fill(bound, step.input_schema)
        if kept:
            bound = {**bound, **kept}
    return bound, warnings


async def evaluate_elsewhere(frame: Frame, node: Node, material: Any) -> Evaluated:
    """Evaluate where values by reference can be loaded."""
    answer: Any = await frame.walk.runtime.evaluate(
        EvaluateRequest(
            step=node.step.id,
            path=frame.path_of(node),
            title=node.step.title,
            bound=pack(material),
            context=frame.context,
        )
    )
    frame.walk.look_for_refs(answer)
    return Evaluated(dict(answer["output"]), answer.get("port"), tuple(answer.get("warnings", ())))


async def measure(frame: Frame, node: Node, reference: BlobRef) -> int:
    """How many items a list by reference has."""
    if not reference.path:
        return reference.length if reference.kind == "array" else 0
    length = (await evaluate_elsewhere(frame, node, Measure(reference))).output["length"]
    return length if isinstance(length, int) else 0


def shown(node: Node, bound: Mapping[str, object]) -> dict[str, Any]:
    """Bound inputs as records show them: a template's parts as its text, and of a secret only that there is one."""
    made = {name: _joined(value) if _is_parts(value) else value for name, value in bound.items()}
    return without_secret_headers(without_secrets(made, node.secrets))


def succeed(frame: Frame, node: Node, outcome: Outcome, attempt: int = 1) -> Outcome:
    """Tell that the step is done."""
    step, path = node.step, frame.path_of(node)
    output = outcome.output if step.on_error.policy == "fail" else {**outcome.output, "isSuccess": True}
    frame.walk.emit(
        f"{path}:succeeded",
        EventType.STEP_SUCCEEDED,
        path,
        step.id,
        title=step.title,
        node_type=step.node_type,
        output=_shown_output(frame, node, output),
        attempt=attempt,
        **outcome.data,
    )
    return Outcome(output, outcome.port, outcome.data)


def _shown_output(frame: Frame, node: Node, output: dict[str, object]) -> dict[str, object]:
    """A start hands on the run's input, of which records show no secrets either."""
    if frame.plan is None or not isinstance(node.step.action, Start):
        return output
    return without_secrets(output, tuple(secrets_of(frame.plan.inputs)))


def _evaluate(frame: Frame, node: Node, bound: Bound, stored: Stored) -> Evaluated:
    step, limits = node.step, frame.walk.limits
    match step.action:
        case Start():
            return Evaluated(start_input(frame.run_inputs, frame.plan.inputs if frame.plan is not None else {}))
        case Finish(mode="variables"):
            return Evaluated(bound)
        case Finish() | Emit():
            return evaluate(step, _rendering(frame, node, bound, stored), limits)
        case Choose():
            return evaluate(step, _operands(frame, node, bound, stored), limits)
        case Merge(order=order):
            return _merged(frame, node, order, bound, stored)
        case Leave(how=how):
            frame.left = "break" if how == "break" else frame.left
            return Evaluated({})
        case Refuse(code=code, message=message, facts=facts):
            refusal = StepError(code, message)
            refusal.facts.update(facts)
            raise refusal
        case Give(output=output, port=port):
            return Evaluated(dict(output), port)
        case Assign():
            done = evaluate(step, {name: bound.get(name) for name in step.inputs}, limits)
            if frame.variables is not None:
                frame.variables.update(done.output)
            return done
        case _:
            return evaluate(step, bound, limits)


def _rendering(frame: Frame, node: Node, bound: Bound, stored: Stored) -> Rendering:
    return Rendering(node.parts(frame, bound, stored) if node.parts is not None else [])


def _operands(frame: Frame, node: Node, bound: Bound, stored: Stored) -> list[list[tuple[object, object]]]:
    return [
        [
            (left(frame, bound, stored), MISSING if right is None else right(frame, bound, stored))
            for left, right in pairs
        ]
        for pairs in node.operands
    ]


def _merged(frame: Frame, node: Node, order: tuple[str, ...], bound: Bound, stored: Stored) -> Evaluated:
    """Per group the first candidate that is there; the record tells which, null where none is."""
    output: dict[str, object] = {}
    chosen: dict[str, Json] = {}
    for name, candidates in node.candidates:
        found = ((number, one(frame, bound, stored)) for number, one in enumerate(candidates))
        there = ((number, value) for number, value in found if value is not MISSING and value is not None)
        chosen[name], output[name] = next(there, (None, None))
    return Evaluated(output, details={"variable_select": [chosen[name] for name in order or chosen]})


def _finish(frame: Frame, node: Node, done: Evaluated, bound: Bound, warnings: list[str]) -> Outcome:
    step, action = node.step, node.step.action
    output = done.output
    if isinstance(action, Finish):
        frame.result = output
    if isinstance(action, Emit) or (isinstance(action, Finish) and action.mode == "answer"):
        frame.messages.complete(node, frame, output["output"])
    if step.null_outputs and step.output_schema is not None:
        output = null_fill(output, step.output_schema)
    data: dict[str, Any] = {"inputs": shown(node, bound)}
    if done.port is not None:
        data["port"] = done.port
    if isinstance(action, Give):
        data["details"] = {"pinned": True}
    if done.details is not None:
        data["details"] = {**done.details}
    if warnings or done.warnings:
        data["warnings"] = [*warnings, *done.warnings]
    return succeed(frame, node, Outcome(output, done.port, data))


def _keeps_parts(step: Step) -> bool:
    """Joining lists inside a text needs the parts of the template, not its text."""
    return isinstance(step.action, Compute) and step.action.operation == "text.concat"


def _text(step: Step, parts: list[str | Filled], limits: Limits) -> object:
    return evaluate(step, Rendering(parts), limits).output["output"]


def _is_parts(value: object) -> bool:
    return isinstance(value, Parts)


def _hold_refs(parts: Any) -> bool:
    return any(isinstance(part, Filled) and has_refs(part.value) for part in parts)


def _joined(value: Any) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in value)
