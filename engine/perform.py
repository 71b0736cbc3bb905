"""Steps that take time: attempts and retries, time limits, error policies, and each kind of waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from engine.answers import accept_answer
from engine.bindings import Bound, Stored
from engine.composites import walk_loop, walk_map
from engine.conversion import convert, null_fill
from engine.error_numbers import number_of
from engine.errors import EngineError, FlowError, InvalidInput, LimitExceeded
from engine.events import EventType
from engine.inline import bind_inputs, compute_carefully, fit, shown, succeed
from engine.plan import Call, Delay, ErrorPolicy, Loop, Map, Subflow, Wait
from engine.prepare import INSTANT, Node
from engine.runtime import CallRequest, OpenWait, StepError, SubflowRequest
from engine.values import has_refs
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
                stored = await _read_variables(frame, node)
                said: list[str] = []
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
    frame.messages.lost(node)
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


async def _read_variables(frame: Frame, node: Node) -> Stored:
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
            return await _wait(frame, node, action, bound)
        case Delay():
            return await _delay(frame, node, bound)
        case Subflow() as action:
            return await _subflow(frame, node, action, bound, attempt)
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
            targets=frame.messages.targets(node, frame, walk.limits.rendered_bytes) if node.consumers else (),
        )
    )
    walk.spend(result.usage)
    walk.look_for_refs(result.output)
    output: dict[str, object] = dict(result.output)
    said = [*warnings, *result.warnings]
    if step.output_schema is not None:
        fitting, complaints = convert(output, step.output_schema)
        output = fitting if isinstance(fitting, dict) else output
        said += complaints
        if step.null_outputs:
            output = null_fill(output, step.output_schema, refuse_missing=True)
    frame.messages.streamed(node, output)
    data: dict[str, Any] = {}
    if result.usage:
        data["usage"] = result.usage
    if said:
        data["warnings"] = said
    if result.logs:
        data["logs"] = [*result.logs]
    if result.port is not None:
        data["port"] = result.port
    return Outcome(output, result.port, data)


async def _wait(frame: Frame, node: Node, action: Wait, bound: Bound) -> Outcome:
    step, walk = node.step, frame.walk
    if has_refs([bound.get("question"), bound.get("options")]):
        raise InvalidInput("The question is too long to be asked: 256 KiB is the limit.", field="inputs.question")
    options: Any = action.settings.get("options") or bound.get("options") or []
    schema: Any = action.settings.get("schema")
    wait = OpenWait(
        wait_id=frame.path_of(node),
        kind=action.ask,
        node=step.id,
        title=step.title,
        prompt=str(bound.get("question") or ""),
        options=tuple(str(option) for option in options),
        schema=schema,
        free=bool(action.settings.get("free", True)),
    )
    within = frame.around is not None
    walk.pinned += within
    try:
        answer = await walk.runtime.wait(wait)
    finally:
        walk.pinned -= within
    walk.look_for_refs(answer)
    output, port = accept_answer(wait, answer, step.output_schema)
    leaves_by = port if action.settings.get("ports") else None
    return Outcome(dict(output), leaves_by, {"port": leaves_by} if leaves_by else {})


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


async def _subflow(frame: Frame, node: Node, action: Subflow, bound: Bound, attempt: int) -> Outcome:
    walk, step = frame.walk, node.step
    context = replace(
        frame.context,
        prefix=frame.place_of(node, attempt) + "/",
        depth=frame.context.depth + 1,
        plan_hash=action.plan_hash,
        workflow_id=action.workflow_id,
        version=action.version,
    )
    if context.depth > walk.limits.subflow_depth:
        raise LimitExceeded(
            f"Sub-workflows are nested {context.depth} deep; the limit is {walk.limits.subflow_depth}.",
            limit=walk.limits.subflow_depth,
            setting="MAINSPRING_SUBFLOW_DEPTH",
        )
    inputs: Any = bound
    if action.tier == "inline":
        plan = walk.runtime.plan(action.plan_hash)
        return Outcome(await frame.descend(plan, context, inputs).run())
    walk.pinned += 1
    try:
        result = await walk.runtime.subflow(
            SubflowRequest(action.plan_hash, inputs, context, step.title, step.on_error.timeout_ms)
        )
    finally:
        walk.pinned -= 1
    walk.executed += result.executed
    walk.spend(result.usage)
    walk.look_for_refs(result.output)
    return Outcome(dict(result.output))


def _timeout_of(node: Node) -> int:
    action = node.step.action
    return node.step.on_error.timeout_ms or (action.timeout_ms if isinstance(action, Call) else 0)


def _retry_delay(node: Node, error: StepError, attempt: int) -> float | None:
    """Seconds until the next attempt; None when there is none.

    What may succeed later is tried as often as the node type says; what the canvas wants retried is retried whatever
    the error, and at once, as the reference does.
    """
    action, wanted = node.step.action, 1 + node.step.on_error.retries
    if isinstance(action, INSTANT):
        return None
    if not error.may_retry or not isinstance(action, Call):
        return 0.0 if attempt < wanted else None
    if attempt >= max(action.attempts, wanted):
        return None
    if error.facts.get("retry_at_once") is True:
        return 0.0
    asked = error.facts.get("retry_after")
    pause = action.backoff_ms / 1000 * action.backoff_factor ** (attempt - 1)
    return max(pause, float(asked)) if isinstance(asked, int | float) else pause
