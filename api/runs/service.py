"""How runs begin and go on: checked first, walked here when nothing outside can be lost, else handed to Temporal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import structlog

from api.access import Member
from api.errors import NotServed
from api.files.inputs import with_own_files
from api.parts import ApiParts
from api.runs.confinement import as_himself, check_run, check_workflow, own_key
from api.runs.identity import CONVERSATION_NAME, Identity, identity_of, same_identity
from api.runs.schemas import StartRun
from api.runs.values import Showing
from api.runs.views import run_view, walked_view
from api.workflows.catalogue import Catalogue, Compiled, Trial
from engine.conversion import start_input
from engine.errors import Conflict, FlowError, InvalidInput, NotFound
from engine.events import EventType, RunEvent, StoredEvent
from engine.limits import Limits
from engine.pins import Pin
from engine.runtime import RunContext
from engine.secrets import secrets_of, without_secrets
from engine.values import Json
from storage.ids import new_id, parse_id
from storage.runs import NewRun
from storage.tables import NodeRecord, Run
from storage.tables.runs import RunKind
from workers.client import RunStart
from workers.in_place import TooMuch, walk

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

DRAFT: Final = "draft"
_SORTED: Final = orjson.OPT_SORT_KEYS
_CANCEL_SECONDS: Final = 2.0
"""How long the answer to a cancellation waits for the run's end."""


class Unpublished(Conflict):
    """The workflow has no published version that could run."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started, now or before with the same idempotency key."""

    run_id: int
    fresh: bool
    view: dict[str, Any] | None = None
    """The run as it ended, when it was walked in place."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A run that is to be, and all that is known of it."""

    compiled: Compiled
    body: StartRun
    identity: Identity
    inputs: dict[str, Json]
    key: str | None
    run_id: int = field(default_factory=new_id)
    now: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


class RunService:
    """The rules around runs."""

    def __init__(self, parts: ApiParts, catalogue: Catalogue, *, in_place: bool) -> None:
        self._stores = parts.stores
        self._client = parts.runs
        self._limits: Limits = parts.limits
        self._temporal_ui = parts.temporal_ui.rstrip("/")
        self._catalogue = catalogue
        self._in_place = in_place

    # --- starting -----------------------------------------------------------------------------------------------------

    async def start(self, member: Member, ref: str, body: StartRun, key: str | None, *, node: str = "") -> Started:
        """Start a run, or of one node alone. Raises `NotFound`, `Conflict`, `InvalidInput`, `InvalidCanvas`."""
        body, key = as_himself(member, body), own_key(member, key)
        compiled = await self._wanted(member, ref, body, node)
        check_workflow(member, compiled.workflow_id)
        with_files = await with_own_files(body.inputs, compiled.plan.inputs, member, self._stores)
        body = body.model_copy(update={"inputs": with_files})
        if key is not None and (started := await self._repeated(member, compiled, body, key)) is not None:
            return started
        identity = await identity_of(self._stores.conversations, member, body, draft=compiled.version == DRAFT)
        order = _Order(compiled, body, identity, identity.inputs(body.inputs, compiled.plan), key)
        inputs: dict[str, Any] = order.inputs
        start_input(inputs, compiled.plan.inputs)
        if compiled.plan.in_place and self._in_place and body.mode == "sync":
            done = await self._walk(member, order)
            if done is not None:
                return done
        return await self._hand_over(member, order)

    async def _wanted(self, member: Member, ref: str, body: StartRun, node: str) -> Compiled:
        """What is to be run."""
        version = body.version
        if version == DRAFT:
            workflow = await self._catalogue.workflow(member, ref)
            trial = Trial({name: Pin(output=pin.output, port=pin.port) for name, pin in body.pins.items()}, node)
            plan, plan_hash = await self._catalogue.compile(member, workflow, drafts=True, trial=trial)
            return Compiled(workflow.id, workflow.key, workflow.name, DRAFT, plan_hash, plan, debugged=node)
        if body.pins:
            raise InvalidInput("Only a test run may have pins: run the version draft.", field="pins")
        try:
            return await self._catalogue.published(member, ref, version or "")
        except NotFound:
            if version:
                raise
            workflow = await self._catalogue.workflow(member, ref)
            if workflow.latest_version is not None:
                raise
        raise Unpublished(
            "The workflow has no published version: publish one, or run the draft with the version draft.",
            workflow_id=str(workflow.id),
        )

    async def _repeated(self, member: Member, compiled: Compiled, body: StartRun, key: str) -> Started | None:
        """The run that was started with the same key."""
        existing = await self._stores.runs(member.org_id, member.space_id).find(compiled.workflow_id, key)
        if existing is None:
            return None
        same = _the_same(existing, compiled, body, key)
        if existing.state == "queued" and isinstance(existing.start_request, dict):
            # Who was asked first may have died between the record and the start. Starting twice starts one run.
            await self._start(existing.id, RunStart.from_json(existing.start_request))
        return same

    async def _walk(self, member: Member, order: _Order) -> Started | None:
        """Walk the run here and store it, or give up without a trace."""
        compiled = order.compiled
        context = RunContext(
            run_id=str(order.run_id),
            org_id=str(member.org_id),
            space_id=str(member.space_id),
            workflow_id=str(compiled.workflow_id),
            version=compiled.version,
            plan_hash=compiled.plan_hash,
            started_at=order.now,
            **order.identity.context,
        )
        inputs: dict[str, Any] = order.inputs
        try:
            done = await walk(compiled.plan, inputs, context, self._catalogue.plan, limits=self._limits)
        except TooMuch as reason:
            _log.debug("not in place", run_id=order.run_id, reason=str(reason))
            return None
        new = _new_run(order, mode="in_place")
        existing = await self._stores.runs(member.org_id, member.space_id).store_finished(new, done.events)
        if existing is not None and order.key is not None:
            return _the_same(existing, compiled, order.body, order.key)
        await self._touch(order)
        return Started(order.run_id, fresh=True, view=walked_view(new, done))

    async def _hand_over(self, member: Member, order: _Order) -> Started:
        """Store that the run shall be, then start it: what dies in between is started by whoever looks after runs."""
        if self._client is None:
            raise NotServed("Only runs that can be walked in place are served here, and this one cannot.")
        compiled = order.compiled
        start = RunStart(
            run_id=str(order.run_id),
            org_id=str(member.org_id),
            space_id=str(member.space_id),
            workflow_id=str(compiled.workflow_id),
            version=compiled.version,
            plan_hash=compiled.plan_hash,
            inputs=order.inputs,
            started_at=order.now,
            kind=_kind(compiled),
            title=compiled.name,
            workflow_key=compiled.key,
            **order.identity.context,
        )
        new = _new_run(order, mode="durable", start=start)
        run, fresh = await self._stores.runs(member.org_id, member.space_id).create(new)
        if not fresh and order.key is not None:
            return _the_same(run, compiled, order.body, order.key)
        await self._touch(order)
        await self._start(order.run_id, start)
        return Started(order.run_id, fresh=True)

    async def _touch(self, order: _Order) -> None:
        if order.identity.conversation is not None:
            await self._stores.conversations.touch(order.identity.conversation)

    async def _start(self, run_id: int, start: RunStart) -> None:
        """Start a recorded run now, if that is possible now; one that never can be has failed."""
        if self._client is None:
            return
        try:
            await self._client.start(start)
        except FlowError as error:
            if not error.retryable:
                await self._fail(run_id, error)
            else:
                _log.warning("run not started yet", run_id=run_id, error=error.message)

    async def _fail(self, run_id: int, error: FlowError) -> None:
        failure: dict[str, Json] = {"code": error.code, "message": error.message, "facts": error.facts}
        end = RunEvent("run:failed", EventType.RUN_FAILED, time.time_ns() // 1_000_000, data={"error": failure})
        await self._stores.events.append(str(run_id), [end])

    # --- watching -----------------------------------------------------------------------------------------------------

    async def find(self, member: Member, run_id: int) -> Run:
        """The record of a run. Raises `NotFound`, also where it does not exist for who asks."""
        return check_run(member, await self._stores.runs(member.org_id, member.space_id).get(run_id))

    async def get(self, member: Member, run_id: int) -> dict[str, Any]:
        """A run as the API shows it. Raises `NotFound`."""
        runs = self._stores.runs(member.org_id, member.space_id)
        run = await self.find(member, run_id)
        waits = await runs.waits(run_id) if run.state == "waiting" else ()
        view = run_view(run, waits, temporal_ui="" if member.guest is not None else self._temporal_ui)
        showing = Showing(self._stores.blobs, member.org_id)
        view["output"] = await showing.whole(view["output"])
        view["inputs"] = await showing.whole(view["inputs"])
        return view

    async def settled(self, member: Member, run_id: int, seconds: float, *, waits: bool = True) -> dict[str, Any]:
        """The run once it has ended or (with `waits`) waits for a person, or after so many seconds as it is then."""
        try:
            async with asyncio.timeout(seconds):
                await self._stores.events.settle(str(run_id), waits=waits)
        except TimeoutError:
            # It goes on without us.
            pass
        return await self.get(member, run_id)

    async def nodes(
        self, member: Member, run_id: int, *, cursor: str | None, limit: int, **wanted: Any
    ) -> tuple[list[NodeRecord], str | None]:
        """Records of steps, in the order in which they began, and the cursor of those behind them."""
        runs = self._stores.runs(member.org_id, member.space_id)
        if member.confined_to is not None:
            await self.find(member, run_id)
        found = await runs.node_records(run_id, after=_seq(cursor), limit=limit + 1, **wanted)
        return found[:limit], str(found[limit - 1].seq) if len(found) > limit else None

    def events(self, run_id: int, after: int = 0) -> AsyncIterator[StoredEvent]:
        """Events after the offset, then new ones as they come, to the end of the run. Whose they are is not asked."""
        return self._stores.events.follow(str(run_id), after=after)

    # --- taking part --------------------------------------------------------------------------------------------------

    async def answer(self, member: Member, run_id: int, wait_id: str, answer: Json, answer_id: str | None) -> None:
        """Give a person's answer to who waits for it. Raises `NotFound`, `Conflict`, `InvalidInput`."""
        runs = self._stores.runs(member.org_id, member.space_id)
        run = await self.find(member, run_id)
        waits = await runs.waits(run_id, only_open=False)
        wait = next((one for one in waits if one.wait_id == wait_id), None)
        if wait is None:
            raise NotFound("Nobody asks this in the run.", run_id=str(run_id), wait_id=wait_id)
        if wait.state == "withdrawn":
            raise Conflict("Nobody waits for this answer any more.", wait_id=wait_id)
        if wait.state == "answered" and answer_id is None:
            raise Conflict("This has been answered already.", wait_id=wait_id)
        if self._client is None:
            raise NotServed("This process has no way to the run.")
        await self._client.answer(
            wait.executor or run.temporal_id, wait.wait_id, answer, answer_id=answer_id or f"{new_id():x}"
        )

    async def cancel(self, member: Member, run_id: int, reason: str) -> dict[str, Any]:
        """Ask a run to stop, and show what became of it; one that has ended stays as it is."""
        run = await self.find(member, run_id)
        if run.finished is None:
            await self._stop(run, reason)
            return await self.settled(member, run_id, _CANCEL_SECONDS, waits=False)
        return await self.get(member, run_id)

    async def _stop(self, run: Run, reason: str) -> None:
        if self._client is None:
            raise NotServed("This process has no way to the run.")
        try:
            await self._client.cancel(run.temporal_id, reason)
        except NotFound:
            # It has just ended; or it was never started, and then it never shall.
            if run.state == "queued":
                now = time.time_ns() // 1_000_000
                end = RunEvent("run:cancelled", EventType.RUN_CANCELLED, now, data={"reason": reason})
                await self._stores.events.append(str(run.id), [end])


def read_run_id(text: str) -> int:
    """The id of a run. Raises `NotFound`."""
    return parse_id(text, "run")


def _seq(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 15):
        raise InvalidInput("The cursor is not one that a page of this list gave out.", field="cursor")
    return int(cursor)


def one_key(header: str | None, field: str | None) -> str | None:
    """The idempotency key of a request, which may stand in two places."""
    if header is not None and field is not None and header != field:
        raise InvalidInput("The header and the body name different idempotency keys.", field="idempotency_key")
    return header or field


def _kind(compiled: Compiled) -> str:
    return "draft" if compiled.version == DRAFT else "published"


def _record_kind(compiled: Compiled) -> RunKind:
    if compiled.debugged:
        return "debug"
    return "test" if compiled.version == DRAFT else "run"


def _new_run(order: _Order, *, mode: Any, start: RunStart | None = None) -> NewRun:
    compiled, identity = order.compiled, order.identity
    shown = _shown(compiled, order.inputs)
    return NewRun(
        id=order.run_id,
        workflow_id=compiled.workflow_id,
        workflow_key=compiled.key,
        workflow_name=compiled.name,
        version=compiled.version,
        plan_hash=compiled.plan_hash,
        mode=mode,
        kind=_record_kind(compiled),
        created=order.now,
        inputs=shown,
        idempotency_key=order.key,
        temporal_id="" if start is None else start.executor,
        start_request=None if start is None else start.to_json(),
        user_id=identity.user_id,
        app_id=identity.app_id,
        channel=identity.channel,
        turn=identity.turn(shown),
    )


def _shown(compiled: Compiled, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs as records show them. Whoever starts the run has the real ones from its request."""
    return without_secrets(inputs, tuple(secrets_of(compiled.plan.inputs)))


def _the_same(existing: Run, compiled: Compiled, body: StartRun, key: str) -> Started:
    """The run that the key belongs to, if it was started with the same request."""
    request = existing.start_request
    # Of a run that was walked in place no secrets were kept, so that those cannot be compared.
    inputs: Any
    asked: Any
    inputs, asked = (
        (request.get("inputs"), body.inputs)
        if isinstance(request, dict)
        else (existing.inputs, _shown(compiled, body.inputs))
    )
    if existing.conversation_id is not None and not body.inputs.get(CONVERSATION_NAME):
        # The conversation gave its name, which may be another by now.
        inputs, asked = _unnamed(inputs), _unnamed(asked)
    version = body.version or existing.version
    other_version = version != existing.version or (existing.version == DRAFT) != (body.version == DRAFT)
    # As text: to Python, 1 and true are the same.
    tried = bool(body.pins or compiled.debugged) and existing.plan_hash != compiled.plan_hash
    other_kind = existing.kind != _record_kind(compiled)
    others = other_version or other_kind or tried or not same_identity(existing, body)
    if others or orjson.dumps(inputs, option=_SORTED) != orjson.dumps(asked, option=_SORTED):
        raise Conflict(
            "The idempotency key belongs to a run that was started with something else.",
            idempotency_key=key,
            run_id=str(existing.id),
        )
    return Started(existing.id, fresh=False)


def _unnamed(inputs: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(inputs or {}).items() if name != CONVERSATION_NAME}
