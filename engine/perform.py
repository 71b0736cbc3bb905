"""Steps that take time: attempts and retries, time limits, error policies, and each kind of waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from engine.bindings import Bound, Stored
from engine.calls import settle_call
from engine.composites import walk_loop, walk_map
from engine.converse import converse
from engine.conversion import null_fill
from engine.dialogue import hold_dialogue
from engine.error_numbers import number_of
from engine.errors import EngineError, FlowError
from engine.events import EventType
from engine.inline import bind_inputs, compute_carefully, fit, shown, succeed
from engine.plan import Call, Converse, Delay, ErrorPolicy, Loop, Map, Subflow, Wait
from engine.prepare import INSTANT, Node
from engine.retries import retry_delay
from engine.runtime import CallRequest, StepError
from engine.subflows import run_subflow
from engine.walk import Outcome

if TYPE_CHECKING:
    from engine.frame import Frame

READ_VARIABLES: Final = Call(activity="read_variables", tier="local", timeout_ms=10_000, attempts=3)
"""How user and app variables get into a run: read by a local activity of this name before the step that refers to them.
"""


async def perform(frame: Frame, node: Node) -> Outcome:
    """Bind a step, tell that it starts, do it; again after an error as its retries say; then as its policy says."""
    step, path, walk = node.step, frame.path_of(node), frame.walk
    instant = isinstance(step.action, INSTANT)
    limit = _timeout_of(node)
    deadline = walk.runtime.now() + limit if limit else 0
    attempt = 1
    told = instant
    try:
        while True:
            try:
                said: list[str] = []
                stored = await _read_variables(frame, node, said)
                bound, warnings = fit(node, await bind_inputs(frame, node, stored, said))
                warnings = [*said, *warnings]
                if not told:
                    told = True
                    walk.emit(
                        f"{path}:started",
                        EventType.STEP_STARTED,
                        path,
                        step.id,
                        title=step.title,
                        node_type=step.node_type,
                        inputs=shown(node, bound),
                        attempt=attempt,
                    )
                if instant:
                    return await compute_carefully(frame, node, bound, stored, warnings)
                outcome = await _within(node, _do(frame, node, bound, warnings, attempt, deadline))
                return succeed(frame, node, outcome, attempt)
            except EngineError:
                raise
            except FlowError as error:
                failure = StepError.of(error)
                delay = _retry_delay(node, failure, attempt)
                if delay is None or (deadline and walk.runtime.now() + delay * 1000 >= deadline):
                    return fail(frame, node, failure, attempt)
                attempt += 1
                walk.emit(
                    f"{path}:retried:{attempt}",
                    EventType.STEP_RETRIED,
                    path,
                    step.id,
                    attempt=attempt,
                    error=failure.to_json(),
                    delay_ms=int(delay * 1000),
                    **({"below": True} if isinstance(step.action, Subflow) else {}),
                )
                if delay:
                    await walk.runtime.sleep(delay)
    except asyncio.CancelledError:
        if not (frame.draining and isinstance(step.action, Wait | Delay)):
            walk.emit(
                f"{path}:cancelled",
                EventType.STEP_CANCELLED,
                path,
                step.id,
                title=step.title,
                node_type=step.node_type,
            )
        raise


def fail(frame: Frame, node: Node, error: StepError, attempt: int) -> Outcome:
    """The step's last attempt failed: go on as its policy says, or let the run fail."""
    step, path, policy = node.step, frame.path_of(node), node.step.on_error
    handled = None if policy.policy == "fail" else policy.policy
    frame.messages.lost(node, frame)
    output: dict[str, object] = {}
    if handled is not None:
        output = {
            **(policy.default or {} if handled == "default" else {}),
            "isSuccess": False,
            "errorBody": {"errorMessage": error.message, "errorCode": _code_of(error, policy)},
        }
        if step.null_outputs and step.output_schema is not None:
            output = null_fill(output, step.output_schema)
    frame.walk.emit(
        f"{path}:failed",
        EventType.STEP_FAILED,
        path,
        step.id,
        title=step.title,
        node_type=step.node_type,
        error=error.to_json(),
        attempt=attempt,
        handled=handled,
        **({"output": output} if handled is not None else {}),
        **({"usage": dict(error.usage)} if error.usage else {}),
    )
    if handled is None:
        for fact, value in (("node", step.id), ("path", path), ("title", step.title)):
            error.facts.setdefault(fact, value)
        raise error
    return Outcome(output, "error" if handled == "branch" else None)


def _code_of(error: StepError, policy: ErrorPolicy) -> str | int:
    return error.error_code if policy.codes == "words" else number_of(error.error_code, error.facts)


async def _within(node: Node, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Bound a step by its time. A call is bounded by whoever runs it."""
    limit = node.step.on_error.timeout_ms
    if not limit or isinstance(node.step.action, Call):
        return await work
    try:
        async with asyncio.timeout(limit / 1000):
            return await work
    except TimeoutError as late:
        raise StepError("node_timeout", f"The node did not finish within {limit} ms.", timeout_ms=limit) from late


async def _read_variables(frame: Frame, node: Node, said: list[str]) -> Stored:
    if not node.stored:
        return {}
    path = frame.path_of(node)
    result = await frame.walk.runtime.call(
        CallRequest(
            call=READ_VARIABLES,
            path=path,
            node=node.step.id,
            node_type="read_variables",
            title=f"Variables of {node.step.title}",
            attempt=1,
            inputs={scope: list(names) for scope, names in node.stored.items()},
            context=frame.context,
            idempotency_key=f"{frame.context.run_id}/{path}/variables",
            timeout_ms=READ_VARIABLES.timeout_ms,
        )
    )
    frame.walk.look_for_refs(result.output)
    said += result.warnings
    found: Any = result.output
    # A variable that was never set is null, not unknown: a template shows nothing then.
    return {scope: {name: found.get(scope, {}).get(name) for name in names} for scope, names in node.stored.items()}


async def _do(frame: Frame, node: Node, bound: Bound, warnings: list[str], attempt: int, deadline: int) -> Outcome:
    match node.step.action:
        case Call() as action:
            return await _call(frame, node, action, bound, warnings, attempt, deadline)
        case Loop() as action:
            return Outcome(await walk_loop(frame, node, action, bound, frame.place_of(node, attempt)))
        case Map() as action:
            return Outcome(await walk_map(frame, node, action, bound, frame.place_of(node, attempt)))
        case Wait() as action:
            return await hold_dialogue(frame, node, action, bound, warnings)
        case Delay():
            return await _delay(frame, node, bound)
        case Subflow() as action:
            place, limit = frame.place_of(node, attempt), node.step.on_error.timeout_ms
            targets = frame.messages.targets(node, frame) if node.consumers else ()
            done = await run_subflow(
                frame, action, bound, place, title=node.step.title, timeout_ms=limit, targets=targets
            )
            frame.messages.streamed(node, frame, done.output, forwarded=done.forwarded, void=done.void, certain=False)
            return Outcome(done.output)
        case Converse() as action:
            return await converse(frame, node, action, bound, warnings, deadline)
        case action:
            raise EngineError(f"A step of kind {action.kind} takes no time.", step=node.step.id)


async def _call(
    frame: Frame, node: Node, action: Call, bound: Bound, warnings: list[str], attempt: int, deadline: int
) -> Outcome:
    step, path, walk = node.step, frame.path_of(node), frame.walk
    inputs: Any = bound
    result = await walk.runtime.call(
        CallRequest(
            call=action,
            path=path,
            node=step.id,
            node_type=step.node_type,
            title=step.title,
            attempt=attempt,
            inputs=inputs,
            context=frame.context,
            idempotency_key=f"{frame.context.run_id}/{path}",
            output_schema=step.output_schema,
            timeout_ms=max(1, deadline - walk.runtime.now()) if deadline else action.timeout_ms,
            targets=frame.messages.targets(node, frame) if node.consumers else (),
        )
    )
    walk.spend(result.usage)
    return settle_call(frame, node, result, warnings, result.usage)


async def _delay(frame: Frame, node: Node, bound: Bound) -> Outcome:
    now = frame.walk.runtime.now()
    seconds: Any = bound.get("seconds") or 0
    until = frame.parked.pop(node.number, {}).get("until", now + int(max(0.0, float(seconds)) * 1000))
    try:
        if until > now:
            await frame.walk.runtime.sleep((until - now) / 1000)
    except asyncio.CancelledError:
        if frame.draining:
            frame.parked[node.number] = {"until": until}
        raise
    return Outcome({})


def _timeout_of(node: Node) -> int:
    action = node.step.action
    return node.step.on_error.timeout_ms or (action.timeout_ms if isinstance(action, Call) else 0)


def _retry_delay(node: Node, error: StepError, attempt: int) -> float | None:
    """Seconds until the next attempt; None when there is none."""
    action = node.step.action
    if isinstance(action, (*INSTANT, Converse)) or (isinstance(action, Wait) and action.reader is not None):
        # Of a question the reading of an answer is tried again, and of a conversation a turn, where that is done:
        # nobody is asked twice, and no tool is called again.
        return None
    return retry_delay(action if isinstance(action, Call) else None, node.step.on_error.retries, error, attempt)
