"""Conversations with a model that calls tools: a turn, the tools it calls side by side, the next turn."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from engine.bindings import Bound
from engine.calls import settle_call
from engine.errors import EngineError, FlowError
from engine.events import EventType
from engine.plan import Call, Converse, Subflow, Tool
from engine.prepare import Node
from engine.retries import retry_delay
from engine.runtime import CallRequest, CallResult, StepError, StreamTarget, ToolsCalled, ToolUse
from engine.subflows import Answered, run_subflow
from engine.values import BlobRef, Json
from engine.walk import Outcome

if TYPE_CHECKING:
    from engine.frame import Frame

DELIVERIES: Final = 100
"""More than one turn is ever handed out: pieces of a later turn count as those of a later delivery."""
MOST_CALLS: Final = 64
"""Of one turn: all of them are under way at once."""
LARGEST_TALK: Final = 8 * 1024 * 1024
"""What is said and answered before the last turn, in characters: every turn is told all of it again, and no model
reads as much."""
NOT_FOR_THE_MODEL: Final = frozenset(("limit_exceeded", "engine_error", "cancelled"))
"""Errors of a tool that end the run: another call would not help."""


async def converse(
    frame: Frame, node: Node, action: Converse, bound: Bound, warnings: list[str], deadline: int
) -> Outcome:
    """Talk until there is an output. `deadline` is when the step's time is over; 0 for never."""
    talk = _Talk(frame, node, action, bound, warnings, deadline)
    # A tool may wait for people: no history is handed over meanwhile.
    waits = any(isinstance(tool.action, Subflow) and tool.action.tier == "child" for tool in action.tools)
    frame.walk.pinned += waits
    try:
        return await talk.hold()
    except StepError as error:
        error.usage = talk.usage
        raise
    finally:
        frame.walk.pinned -= waits


class _Talk:
    """A conversation under way: what was said, what the tools answered, and what it has cost."""

    def __init__(
        self, frame: Frame, node: Node, action: Converse, bound: Bound, warnings: list[str], deadline: int
    ) -> None:
        self._frame, self._node, self._action, self._bound = frame, node, action, bound
        self._path = frame.path_of(node)
        self._warnings, self._deadline = warnings, deadline
        self._turns: list[Json] = []
        self._attempt = 1
        self._size = 0
        self._calls: list[Json] = []
        self._answered: Answered | None = None
        """An answer of a tool that messages have got already, in pieces."""
        self._logs: list[str] = []
        self.usage: dict[str, int] = {}

    async def hold(self) -> Outcome:
        """One turn after another."""
        while True:
            result = await self._turn()
            if result.tools is None:
                if (told := self._answered) is not None:
                    result = replace(result, forwarded=told.forwarded, void=bool(told.void))
                done = settle_call(self._frame, self._node, result, self._warnings, self.usage)
                if self._calls:
                    done.data["details"] = {**done.data.get("details", {}), "tool_calls": self._calls}
                return done
            self._warnings += result.warnings
            number = len(self._turns) + 1
            if number > self._action.max_rounds:
                raise StepError(
                    "node_failed",
                    f"The model has called tools in {self._action.max_rounds} rounds and wants to call more:"
                    " that is as many as max_rounds allows.",
                    limit=self._action.max_rounds,
                )
            if len(result.tools.calls) > MOST_CALLS:
                raise StepError(
                    "node_failed",
                    f"The model calls {len(result.tools.calls)} tools at once; the limit is {MOST_CALLS}.",
                    limit=MOST_CALLS,
                )
            if result.tools.told:
                self._take_back(number, result.tools)
            answers = await self._use(number, result.tools.calls)
            self._turns.append({"said": result.tools.said, "answers": answers})
            self._size += _size(self._turns[-1])
            if self._size > LARGEST_TALK:
                raise StepError(
                    "limit_exceeded",
                    f"What the model and its tools have said is longer than {LARGEST_TALK} characters: let the tools"
                    " answer with less, or hide some of their results.",
                    limit=LARGEST_TALK,
                )

    # --- turns --------------------------------------------------------------------------------------------------------

    async def _turn(self) -> CallResult:
        """Ask the model. What fails is tried again by itself: no tool that was called is called again."""
        walk, step, turn = self._frame.walk, self._node.step, self._action.turn
        until = walk.runtime.now() + turn.timeout_ms
        until = min(until, self._deadline) if self._deadline else until
        tries = 1
        while True:
            try:
                result = await walk.runtime.call(self._request(max(1, until - walk.runtime.now())))
            except EngineError:
                raise
            except FlowError as error:
                failure = StepError.of(error)
                delay = retry_delay(turn, step.on_error.retries, failure, tries)
                if delay is None or walk.runtime.now() + delay * 1000 >= until:
                    raise failure from error
                tries += 1
                # Who stands in for a model goes on in its place, so attempts are counted over all turns.
                self._attempt += 1
                await self._again(failure, delay)
            else:
                walk.spend(result.usage)
                for name, amount in result.usage.items():
                    self.usage[name] = self.usage.get(name, 0) + amount
                return result

    def _request(self, timeout_ms: int) -> CallRequest:
        frame, step, number = self._frame, self._node.step, len(self._turns)
        key = f"{frame.context.run_id}/{self._path}"
        inputs: Any = self._bound
        return CallRequest(
            call=self._action.turn,
            path=self._path,
            node=step.id,
            node_type=step.node_type,
            title=step.title,
            attempt=self._attempt,
            inputs=inputs,
            context=frame.context,
            idempotency_key=f"{key}/turns[{number}]" if number else key,
            output_schema=step.output_schema,
            timeout_ms=timeout_ms,
            targets=self._targets() if self._answered is None else (),
            turn=number,
            conversation=tuple(self._turns),
        )

    def _targets(self) -> tuple[StreamTarget, ...]:
        return self._frame.messages.targets(self._node, self._frame) if self._node.consumers else ()

    async def _again(self, failure: StepError, delay: float) -> None:
        self._frame.walk.emit(
            f"{self._path}:retried:{self._attempt}",
            EventType.STEP_RETRIED,
            self._path,
            self._node.step.id,
            attempt=self._attempt,
            error=failure.to_json(),
            delay_ms=int(delay * 1000),
        )
        if delay:
            await self._frame.walk.runtime.sleep(delay)

    def _take_back(self, number: int, called: ToolsCalled) -> None:
        """What a model says before it calls tools is no answer: readers drop it as they drop a lost attempt's."""
        names = ", ".join(dict.fromkeys(call.name for call in called.calls))
        self._frame.walk.emit(
            f"{self._path}:retried:turn{number}",
            EventType.STEP_RETRIED,
            self._path,
            self._node.step.id,
            attempt=self._attempt,
            delivery=number * DELIVERIES + 1,
            error={"code": "tools_called", "message": f"The model calls {names} before it answers."},
            delay_ms=0,
        )

    # --- tools --------------------------------------------------------------------------------------------------------

    async def _use(self, number: int, calls: tuple[ToolUse, ...]) -> list[Json]:
        """Make the calls of a turn, all at once; the answers in the order of the calls."""
        places = [f"{self._path}/tools[{number}.{place}]" for place in range(len(calls))]
        # Who answers in the model's place is heard as the model would be; of several none is known to be the one.
        answering = [call for call in calls if self._answers(call)]
        heard = answering[0] if len(answering) == 1 else None
        tasks = [
            asyncio.create_task(self._one(path, call, heard is call)) for path, call in zip(places, calls, strict=True)
        ]
        try:
            answers: list[dict[str, Json]] = [*await asyncio.gather(*tasks)]
        except (Exception, asyncio.CancelledError):
            # Nothing else: a coroutine that is thrown away (GeneratorExit) may not wait any more.
            for task in tasks:
                task.cancel()
            for task in tasks:
                # Their errors have lost: one ended the conversation already.
                await asyncio.gather(task, return_exceptions=True)
            raise
        for call, answer in zip(calls, answers, strict=True):
            record: dict[str, Json] = {"name": call.name, "arguments": dict(call.arguments)}
            if "error" in answer:
                record["error"] = answer["error"]
            else:
                record["output"] = answer["text"] if "text" in answer else answer["output"]
            self._calls.append(record)
        return [*answers]

    def _answers(self, call: ToolUse) -> bool:
        known = self._action.tools
        return 0 <= call.tool < len(known) and known[call.tool].answers and not call.error

    async def _one(self, path: str, call: ToolUse, heard: bool) -> dict[str, Json]:
        """One call, with a record of its own. What a failure says is the answer then. One that is `heard` answers in
        pieces where the model would.
        """
        walk, known = self._frame.walk, self._action.tools
        tool = known[call.tool] if 0 <= call.tool < len(known) else None
        label = {"title": (tool.title if tool is not None else "") or call.name, "node_type": "tool"}
        walk.count()
        walk.emit(
            f"{path}:started",
            EventType.STEP_STARTED,
            path,
            call.name,
            **label,
            inputs=dict(call.arguments),
            attempt=1,
        )
        usage: dict[str, int] = {}
        try:
            if tool is None or call.error:
                raise StepError("tool_refused", call.error or f"There is no tool {call.name}.")
            output = await self._run(tool, call, path, usage, heard)
        except asyncio.CancelledError:
            walk.emit(f"{path}:cancelled", EventType.STEP_CANCELLED, path, call.name, **label)
            raise
        except EngineError:
            raise
        except FlowError as error:
            failure = StepError.of(error)
            ends = failure.error_code in NOT_FOR_THE_MODEL
            said: Json = {"code": failure.error_code, "message": failure.message}
            walk.emit(
                f"{path}:failed",
                EventType.STEP_FAILED,
                path,
                call.name,
                **label,
                error=failure.to_json(),
                attempt=1,
                handled=None if ends else "model",
            )
            if ends:
                raise failure from error
            return {"id": call.id, "name": call.name, "tool": call.tool, "error": said}
        data = {"usage": usage} if usage else {}
        walk.emit(
            f"{path}:succeeded", EventType.STEP_SUCCEEDED, path, call.name, **label, output=output, attempt=1, **data
        )
        answer: dict[str, Json] = {"id": call.id, "name": call.name, "tool": call.tool}
        found: Any = output
        return {**answer, "text": found.get("output")} if tool.answers else {**answer, "output": found}

    async def _run(self, tool: Tool, call: ToolUse, path: str, usage: dict[str, int], heard: bool) -> dict[str, object]:
        given = {name: value for name, value in call.arguments.items() if name not in tool.hidden}
        arguments: dict[str, Json] = {**given, **tool.fixed}
        match tool.action:
            case Subflow() as action:
                targets = _without_thoughts(self._targets()) if heard else ()
                done = await run_subflow(
                    self._frame, action, arguments, path, title=tool.title, quiet=True, targets=targets
                )
                if done.forwarded or done.void:
                    self._answered = done
                return done.output
            case Call() as action:
                return await self._call(action, arguments, path, call.name, usage)

    async def _call(
        self, action: Call, arguments: dict[str, Json], path: str, name: str, usage: dict[str, int]
    ) -> dict[str, object]:
        """A tool that is a call: tried again as often as its kind says, and not as the step's policy says."""
        frame, step = self._frame, self._node.step
        walk = frame.walk
        until = walk.runtime.now() + action.timeout_ms
        attempt = 1
        while True:
            try:
                result = await walk.runtime.call(
                    CallRequest(
                        call=action,
                        path=path,
                        node=step.id,
                        node_type=action.activity,
                        title=name,
                        attempt=attempt,
                        inputs=arguments,
                        context=frame.context,
                        idempotency_key=f"{frame.context.run_id}/{path}",
                        timeout_ms=max(1, until - walk.runtime.now()),
                    )
                )
            except EngineError:
                raise
            except FlowError as error:
                failure = StepError.of(error)
                delay = retry_delay(action, 0, failure, attempt)
                if delay is None or walk.runtime.now() + delay * 1000 >= until:
                    raise failure from error
                attempt += 1
                walk.emit(
                    f"{path}:retried:{attempt}",
                    EventType.STEP_RETRIED,
                    path,
                    name,
                    attempt=attempt,
                    error=failure.to_json(),
                    delay_ms=int(delay * 1000),
                )
                if delay:
                    await walk.runtime.sleep(delay)
            else:
                walk.spend(result.usage)
                walk.look_for_refs(result.output)
                usage.update(result.usage)
                return dict(result.output)


def _without_thoughts(targets: tuple[StreamTarget, ...]) -> tuple[StreamTarget, ...]:
    """Messages for an answer that nobody thinks about before: what stands before thoughts stands before the answer."""
    before = {target.path: target.prefix for target in targets if target.early}
    spoken = (target for target in targets if not target.early)
    return tuple(replace(target, prefix=before.get(target.path, "") + target.prefix) for target in spoken)


def _size(value: object) -> int:
    """About as many characters as a value is long."""
    found, pending = 0, [value]
    while pending:
        match pending.pop():
            case BlobRef(size=size):
                found += size
            case str() as text:
                found += len(text)
            case dict() as members:
                found += sum(map(len, members))
                pending += members.values()
            case list() | tuple() as items:
                pending += items
            case _:
                found += 1
    return found
