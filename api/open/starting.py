"""How runs begin through the open API, and how answers to what they ask come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from fastapi import Depends
from starlette.requests import Request

from api.access import Member
from api.event_stream import closing
from api.open.conversations import application_of
from api.open.envelope import Interrupted, NotPublished, RunFailed, RunTimedOut
from api.open.guests import check_run, check_workflow, user_of
from api.open.outcomes import data_of, debug_url, failure_of, usage_of
from api.open.run_bodies import OpenResumeIn, OpenRunIn
from api.open.run_events import FORM, QUESTION, interrupt_data
from api.open.telling import Asked, Telling, outcome_of
from api.runs.schemas import StartRun
from api.runs.service import RunService, Unpublished
from api.workflows.catalogue import Catalogue
from engine.errors import Conflict, InvalidInput, NotFound
from engine.events import EventType, StoredEvent
from engine.values import Json
from storage.hashing import hashed
from storage.ids import parse_id, read_id
from storage.stores import Stores
from storage.tables import OpenWaitRow, Run


@dataclass(frozen=True)
class OpenRuns:
    """The rules around runs that the open API has of its own."""

    stores: Stores
    runs: RunService
    catalogue: Catalogue
    request: Request

    # --- starting -----------------------------------------------------------------------------------------------------

    async def start(
        self,
        member: Member,
        body: OpenRunIn,
        mode: Literal["sync", "async"],
        key: str | None = None,
        *,
        inputs: dict[str, Any] | None = None,
        conversation_id: str | None = None,
    ) -> Run:
        """Start a run of a published version; one that only computes has ended by then.

        A turn of a conversation is on behalf of whose the conversation is. Raises `NotPublished`, and as `RunService`.
        """
        check_workflow(member, body.workflow_id)
        application, user = application_of(member, body.application), user_of(member, body.user)
        alone = conversation_id is None
        wanted = StartRun(
            inputs=body.parameters if inputs is None else inputs,
            version=body.workflow_version or None,
            mode=mode,
            user_id=user if alone else None,
            app_id=(application or None) if alone else None,
            channel=body.channel if alone else None,
            conversation_id=conversation_id,
        )
        if wanted.version == "draft":
            raise InvalidInput("Only published versions run here.", field="workflow_version")
        try:
            started = await self.runs.start(member, body.workflow_id, wanted, key)
        except Unpublished as error:
            raise NotPublished("The workflow is not published: publish a version.", **error.facts) from None
        self.request.state.recorded = True
        return await self.stores.runs(member.org_id, member.space_id).get(started.run_id)

    async def result(self, member: Member, run: Run, seconds: float) -> dict[str, Any]:
        """What a run that has to end by then hands back, for the top of the envelope.

        Raises `Interrupted` when it waits for a person, `RunTimedOut` when it goes on for longer, and `RunFailed`.
        """
        if run.finished is None:
            await self.runs.settled(member, run.id, seconds)
            run = await self.stores.runs(member.org_id, member.space_id).get(run.id)
        where = self.where(run)
        match run.state:
            case "succeeded":
                answer, output = await outcome_of(self.stores, self.catalogue, member, run)
                usage = usage_of(run.input_tokens, run.output_tokens)
                spent = {"usage": usage, "token": usage["token_count"], "cost": "0"}
                return {"data": data_of(answer, output), **where, **spent}
            case "failed" | "cancelled":
                number, sentence = failure_of(run.state, run.error)
                raise RunFailed(sentence, number=number, **where)
            case "waiting":
                asked = await self._asked(member, run)
                raise Interrupted(
                    "The workflow asks a person: run it with /v1/workflow/stream_run, or answer with "
                    "/v1/workflow/stream_resume.",
                    **where,
                    **({} if asked is None else {"interrupt_data": interrupt_of(asked, str(run.id))}),
                )
            case _:
                raise RunTimedOut(
                    f"The run did not end within {seconds:g} seconds. It goes on: its history will have the result.",
                    **where,
                )

    def where(self, run: Run) -> dict[str, str]:
        """Where a run is found again."""
        return {"execute_id": str(run.id), "debug_url": debug_url(self.request, run.id)}

    def telling(self, member: Member, run: Run) -> Telling:
        """What happens in a run."""
        return Telling(self.stores, self.runs, self.catalogue, member, run)

    async def _asked(self, member: Member, run: Run) -> Asked | None:
        async for told in self.telling(member, run).follow():
            if isinstance(told, Asked) and told.open:
                return told
        return None

    # --- answering ----------------------------------------------------------------------------------------------------

    async def resume(self, member: Member, body: OpenResumeIn) -> tuple[Run, int]:
        """Give an answer to who waits for it; the run, and the offset behind which it goes on.

        The same answer sent again is none: it only follows the run. Raises `NotFound`, `InvalidInput`, `Conflict`.
        """
        execute_id, _, event_id = body.event_id.partition("/")
        run_id, seq = read_id(execute_id), read_id(event_id)
        if run_id is None or not seq:
            raise InvalidInput("event_id is <execute_id>/<event id>, as Interrupt named it.", field="event_id")
        run = await self.of_workflow(member, body.workflow_id, execute_id)
        opened = await self.stores.events.read(execute_id, after=seq - 1, limit=1)
        if not opened or opened[0].event.type is not EventType.WAIT_OPENED:
            raise NotFound("Nobody asks this in the run.", event_id=body.event_id)
        asked = _asked_by(opened[0])
        kind = FORM if asked.form else QUESTION
        if body.interrupt_type not in {0, kind}:
            raise InvalidInput(f"The interrupt is of the type {kind}.", field="interrupt_type")
        waits = await self.stores.runs(member.org_id, member.space_id).waits(run.id, only_open=False)
        wait = next((one for one in waits if one.wait_id == asked.wait_id), None)
        if wait is None:
            raise NotFound("Nobody asks this in the run.", event_id=body.event_id)
        await self.answer(member, run, wait, body.resume_data)
        return run, seq

    async def answer(self, member: Member, run: Run, wait: OpenWaitRow, said: str) -> None:
        """Give a person's words to who waits for them."""
        answer = answer_of(wait, said)
        if wait.state == "answered":
            if wait.answer != answer:
                raise Conflict("This has been answered already, with something else.", wait_id=wait.wait_id)
            return
        same = hashed(f"{run.id}/{wait.wait_id}/{said}")
        await self.runs.answer(member, run.id, wait.wait_id, answer, same)

    async def asked_at(self, run: Run, wait_id: str) -> int:
        """The offset of the event that somebody is asked."""
        async with closing(self.runs.events(run.id)) as events:
            async for stored in events:
                if stored.event.type is EventType.WAIT_OPENED and stored.event.data.get("wait_id") == wait_id:
                    return stored.seq
        return 0

    async def of_workflow(self, member: Member, workflow_id: str, execute_id: str) -> Run:
        """A run of a workflow. Raises `NotFound` for one of another."""
        run = await self.stores.runs(member.org_id, member.space_id).get(parse_id(execute_id, "run"))
        if str(run.workflow_id) != workflow_id:
            raise NotFound("There is no such run of the workflow.", execute_id=execute_id)
        check_run(member, run)
        return run


def answer_of(wait: OpenWaitRow, said: str) -> Json:
    """The answer that words stand for: a text for a question; for a form an object, or its only field."""
    if wait.kind != "form":
        return said
    schema = wait.answer_schema if isinstance(wait.answer_schema, dict) else {}
    fields = schema.get("properties")
    try:
        value: Json = orjson.loads(said)
    except orjson.JSONDecodeError:
        value = said
    if isinstance(value, dict):
        return value
    if isinstance(fields, dict) and len(fields) == 1:
        return {next(iter(fields)): value}
    raise InvalidInput("The answer to a form is an object, as JSON in a text.", field="resume_data")


def interrupt_of(asked: Asked, execute_id: str) -> dict[str, Json]:
    """What names an interrupt when its answer comes."""
    kind = FORM if asked.form else QUESTION
    return {"event_id": f"{execute_id}/{asked.seq}", "type": kind, "data": interrupt_data(asked)}


def _asked_by(opened: StoredEvent) -> Asked:
    return Asked(opened.seq, opened.event.node, dict(opened.event.data), open=True)


async def _open_runs(request: Request) -> OpenRuns:
    state = request.app.state
    return OpenRuns(state.parts.stores, state.runs, state.catalogue, request)


def open_runs() -> Any:
    """The rules around runs, for one request."""
    return Depends(_open_runs)
