"""Questions to people: asked, the answer read, and asked on until what was to be found out is known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.answers import LETTERS, OTHER, accept_answer
from engine.bindings import Bound
from engine.composites import Parked
from engine.conversion import convert, null_fill
from engine.errors import EngineError, FlowError, InvalidInput
from engine.events import EventType
from engine.plan import Call, Wait
from engine.prepare import Node
from engine.retries import retry_delay
from engine.runtime import CallRequest, CallResult, OpenWait, StepError
from engine.templates import to_text
from engine.values import Json, has_refs
from engine.walk import Outcome

if TYPE_CHECKING:
    from engine.frame import Frame

ROUNDS: Final = "rounds"
"""The input under which a reader finds every question of the step so far, each with its answer."""
NO_OPTIONS: Final = 720712049
_SHOWN: Final = 300
"""Characters of a question that an error repeats."""


async def hold_dialogue(frame: Frame, node: Node, action: Wait, bound: Bound, warnings: list[str]) -> Outcome:
    """Ask a person, and read what is answered. Waits as long as it takes."""
    if has_refs([bound.get("question"), bound.get("options")]):
        raise InvalidInput("The question is too long to be asked: 256 KiB is the limit.", field="inputs.question")
    dialogue = _Dialogue(frame, node, action, bound, warnings)
    within = frame.around is not None
    frame.walk.pinned += within
    try:
        return await dialogue.hold()
    except StepError as error:
        error.usage = dialogue.usage
        raise
    finally:
        frame.walk.pinned -= within


class _Dialogue:
    """The rounds of one question: what was asked, what was answered, and what reading it has cost."""

    def __init__(self, frame: Frame, node: Node, action: Wait, bound: Bound, warnings: list[str]) -> None:
        self._frame, self._node, self._action, self._bound = frame, node, action, bound
        self._path = frame.path_of(node)
        options: Any = action.settings.get("options") or bound.get("options") or []
        # Options have letters as ids: what comes after the last letter cannot be chosen.
        self._options = tuple(to_text(option) for option in options[: len(LETTERS)])
        known: dict[str, Any] = frame.parked.pop(node.number, {})
        self._rounds: list[dict[str, Json]] = known.get("rounds", [])
        self._prompt: str = known.get("prompt", str(bound.get("question") or ""))
        self.usage: dict[str, int] = known.get("usage", {})
        self._warnings: list[str] = known.get("warnings", warnings)

    async def hold(self) -> Outcome:
        """Ask until there is an output."""
        action, schema = self._action, self._node.step.output_schema
        if action.settings.get("dynamic") and not self._options:
            raise StepError("no_options", "There are no options to ask for: the list is empty.", number=NO_OPTIONS)
        while True:
            wait = self._wait()
            answer = await self._ask(wait)
            self._frame.walk.look_for_refs(answer)
            output, port = accept_answer(wait, answer, schema)
            if action.ask == "question":
                self._rounds.append({"question": self._prompt, "answer": to_text(answer)})
            if action.reader is None or port not in (None, OTHER):
                return self._done(dict(output), self._port(port))
            result = await self._read(action.reader, wait.wait_id)
            if result.question is None:
                return self._done(self._fit(result.output), result.port)
            self._go_on(result.question)

    def _wait(self) -> OpenWait:
        step, action, number = self._node.step, self._action, len(self._rounds) + 1
        schema: Any = action.settings.get("schema")
        return OpenWait(
            wait_id=self._path if number == 1 else f"{self._path}.{number}",
            kind=action.ask,
            node=step.id,
            title=step.title,
            prompt=self._prompt,
            options=self._options,
            schema=schema,
            # Who reads answers finds an option in other words too.
            free=action.reader is not None or bool(action.settings.get("free", True)),
            path=self._path,
        )

    async def _ask(self, wait: OpenWait) -> Json:
        try:
            return await self._frame.walk.runtime.wait(wait)
        except asyncio.CancelledError:
            if self._frame.draining and self._rounds:
                self._frame.parked[self._node.number] = self._cursor()
            raise

    async def _read(self, reader: Call, wait_id: str) -> CallResult:
        """Have the latest answer read: tried again by itself, so that nobody is asked twice for what was said."""
        frame, node = self._frame, self._node
        walk, step = frame.walk, node.step
        deadline = walk.runtime.now() + reader.timeout_ms
        attempt = 1
        frame.reading.add(node.number)
        try:
            while True:
                try:
                    result = await walk.runtime.call(self._request(reader, wait_id, attempt, deadline))
                except EngineError:
                    raise
                except FlowError as error:
                    failure = StepError.of(error)
                    delay = retry_delay(reader, step.on_error.retries, failure, attempt)
                    if delay is None or walk.runtime.now() + delay * 1000 >= deadline:
                        raise failure from error
                    attempt += 1
                    walk.emit(
                        f"{wait_id}:retried:{attempt}",
                        EventType.STEP_RETRIED,
                        self._path,
                        step.id,
                        attempt=attempt,
                        error=failure.to_json(),
                        delay_ms=int(delay * 1000),
                    )
                    if delay:
                        await walk.runtime.sleep(delay)
                else:
                    break
        finally:
            frame.reading.discard(node.number)
        walk.spend(result.usage)
        walk.look_for_refs(result.output)
        for name, amount in result.usage.items():
            self.usage[name] = self.usage.get(name, 0) + amount
        self._warnings += result.warnings
        return result

    def _request(self, reader: Call, wait_id: str, attempt: int, deadline: int) -> CallRequest:
        frame, step = self._frame, self._node.step
        inputs: Any = {**self._bound, ROUNDS: list(self._rounds)}
        return CallRequest(
            call=reader,
            # The place of the round: what is counted and kept of a call is so by its path.
            path=wait_id,
            node=step.id,
            node_type=step.node_type,
            title=step.title,
            attempt=attempt,
            inputs=inputs,
            context=frame.context,
            idempotency_key=f"{frame.context.run_id}/{wait_id}/reading",
            output_schema=step.output_schema,
            timeout_ms=max(1, deadline - frame.walk.runtime.now()),
        )

    def _go_on(self, question: str) -> None:
        """There is a further question, which may be asked unless enough was asked already."""
        limit, asked = self._action.settings.get("limit"), len(self._rounds)
        if isinstance(limit, int) and asked >= limit:
            raise StepError(
                "too_many_answers",
                f"{asked} answers were given, which is the limit, and this is still to be asked: {question[:_SHOWN]}",
                limit=limit,
                answers=asked,
            )
        self._prompt = question
        if self._frame.draining:
            raise Parked(self._cursor())

    def _cursor(self) -> dict[str, Any]:
        """What a fresh history needs to ask on."""
        return {
            "rounds": [*self._rounds],
            "prompt": self._prompt,
            "usage": dict(self.usage),
            "warnings": [*self._warnings],
        }

    def _fit(self, given: Mapping[str, Json]) -> dict[str, object]:
        """What was read, in the declared types. A required value that nobody said is null: it was asked for."""
        output: dict[str, object] = dict(given)
        schema = self._node.step.output_schema
        if schema is None:
            return output
        lenient = {**schema, "required": []}
        fitting, complaints = convert(output, lenient)
        self._warnings += complaints
        return null_fill(fitting if isinstance(fitting, dict) else output, lenient)

    def _port(self, port: str | None) -> str | None:
        settings = self._action.settings
        if port is not None and settings.get("dynamic"):
            return OTHER if port == OTHER else "option"
        return port if settings.get("ports") else None

    def _chosen(self, output: Mapping[str, object]) -> dict[str, Any]:
        return {"selected": output.get("option_content")} if self._options else {}

    def _done(self, output: dict[str, object], port: str | None) -> Outcome:
        data: dict[str, Any] = {}
        if port is not None:
            data["port"] = port
        if self.usage:
            data["usage"] = dict(self.usage)
        if self._warnings:
            data["warnings"] = [*self._warnings]
        if self._rounds:
            data["details"] = {"rounds": [*self._rounds], **self._chosen(output)}
        return Outcome(output, port, data)
