"""Puts the parts together: stores, ways out, node types, a connection to Temporal; on these a worker, or the API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta

import structlog
from fastapi import FastAPI

from api.accounts.passwords import Passwords, one_time_password
from api.app import create_app
from api.parts import ApiParts
from cli.code_runner import code_runner_on, options_of
from cli.complaint import CommandFailed
from cli.data_folder import DataFolder, TemporalAddress, TemporalIdentity
from cli.keys import key_ring
from conf.settings import Settings
from engine.limits import Limits
from nodes.documents import FetchedFile, FileReader, ReadFile, fetch_file, read_file
from nodes.library import Library, load_library
from nodes.sandbox import Sandbox
from storage.runs import UnfinishedRuns
from storage.stores import Stores, open_stores
from storage.tables import Run
from storage.user_tables.limits import TableLimits
from workers.client import RunsClient, RunStart
from workers.code_service import CodeService
from workers.connection import (
    Connection,
    RunsUnavailable,
    TemporalOptions,
    cluster_id,
    connect,
    ensure_search_attributes,
)
from workers.egress import EgressClient, EgressPolicy
from workers.http import NodeHttp
from workers.local_models.models import LocalModels
from workers.models.probe import LiveProbe
from workers.models.registry import ModelRegistry, ModelStores
from workers.reconcile import OpenRun, Reconciler
from workers.sandbox import RunnerSandbox
from workers.tool_trial import LiveTools
from workers.worker import RunsWorker, WorkerParts, build_worker

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_FIRST = "first start"
"""What the first token is called."""
_ADMINISTRATOR = "Administrator"
_AGAIN = 0.5
"""Seconds between two tries to reach Temporal."""


@dataclass(frozen=True)
class Groundwork:
    """What worker and API both stand on."""

    settings: Settings
    limits: Limits
    library: Library
    stores: Stores
    passwords: Passwords = field(default_factory=Passwords)


@dataclass(frozen=True)
class Linked:
    """A connection to Temporal, and the runs on it."""

    connection: Connection
    runs: RunsClient
    temporal: TemporalAddress


def lay_groundwork(settings: Settings, folder: DataFolder) -> Groundwork:
    """Open the stores, migrated, and load the node types. Close the stores in the end."""
    folder.prepare()
    limits = Limits(**{one.name: getattr(settings, one.name) for one in fields(Limits)})
    tables = TableLimits(
        text_bytes=settings.table_text_bytes,
        result_bytes=settings.table_result_bytes,
        seconds=settings.table_seconds,
        organisation_bytes=settings.table_organisation_bytes,
        # A run may do a write again for as long as it lives.
        key_days=settings.run_timeout_days + 30,
    )
    stores = open_stores(folder.path, keys=key_ring(settings, folder), tables=tables)
    return Groundwork(settings, limits, load_library(), stores)


async def register_token(stores: Stores, token: str) -> None:
    """Let the token of the first start open the space that is there from the beginning.

    Where another lay in its place before, that one opens nothing any more.
    """
    home = await stores.organisations.ensure_default()
    await stores.tokens.register(home.org_id, home.space_id, _FIRST, token)
    await stores.tokens.end_others(_FIRST, token)
    await stores.accounts.adopt_instance_tokens()


@dataclass(frozen=True)
class FirstLogin:
    """What whoever starts an instance for the first time logs in with, once."""

    email: str
    password: str


async def first_administrator(ground: Groundwork) -> FirstLogin | None:
    """Make the account that everything begins with; None when there are accounts already.

    Its password is kept nowhere but by whom it is shown to, and has to be changed at once.
    """
    accounts = ground.stores.accounts
    if await accounts.has_any():
        return None
    home = await ground.stores.organisations.ensure_default()
    email, password = ground.settings.administrator, one_time_password()
    hashed = await ground.passwords.hash(password)
    made = await accounts.first_administrator(home, email, _ADMINISTRATOR, hashed)
    return FirstLogin(email, password) if made else None


async def link(ground: Groundwork, temporal: TemporalAddress, *, eager: bool, patience: float = 0.0) -> Linked:
    """Connect; what is not there yet is waited for, `patience` seconds. Raises `CommandFailed`.

    With `eager` a worker of this process takes new runs at once.
    """
    settings = ground.settings
    options = TemporalOptions(
        address=temporal.address,
        namespace=temporal.namespace,
        task_queue=settings.task_queue,
        encrypt_payloads=settings.encrypt_payloads,
    )
    deadline = time.monotonic() + patience
    while True:
        try:
            connection = await connect(options, ground.stores.blobs, ground.stores.data_keys)
            cluster = await cluster_id(connection)
            await ensure_search_attributes(connection)
            break
        except RunsUnavailable as error:
            reason = error.facts.get("reason", error.message)
            finding = f"Temporal at {temporal.address} (namespace {temporal.namespace}) cannot be used: {reason}"
            if time.monotonic() >= deadline:
                raise CommandFailed(finding) from error
            # After a power cut everything starts at once, in any order.
            _log.warning("waiting for temporal", reason=finding)
            await asyncio.sleep(_AGAIN)
    # Before anybody compares the records with what is found there.
    DataFolder(settings.data_dir).belong_to(TemporalIdentity(temporal.namespace, cluster))
    runs = RunsClient(
        connection, limits=ground.limits, longest_run=timedelta(days=settings.run_timeout_days), eager=eager
    )
    return Linked(connection, runs, temporal)


@asynccontextmanager
async def worker_on(ground: Groundwork, linked: Linked) -> AsyncGenerator[RunsWorker]:
    """A worker, not started yet, and its ways out."""
    settings, stores = ground.settings, ground.stores
    egress = EgressClient(_policy(settings))
    models = ModelRegistry(
        egress,
        ModelStores(stores.models, stores.secrets, stores.throttle, stores.ledger),
        settings=settings,
        local=LocalModels(settings.data_dir),
        files=stores.own_files,
    )
    try:
        async with code_runner_on(settings) as code:
            yield build_worker(
                linked.connection,
                WorkerParts(
                    events=stores.events,
                    plans=stores.plans,
                    variables=stores.variables,
                    conversations=stores.conversations,
                    knowledge=stores.knowledge,
                    plugins=stores.plugin_tools,
                    tables=stores.tables,
                    http=NodeHttp(egress),
                    models=models,
                    sandbox=RunnerSandbox(code),
                    library=ground.library,
                    files=stores.own_files,
                ),
            )
    finally:
        await models.aclose()
        await egress.aclose()


def reconciler_on(ground: Groundwork, linked: Linked) -> Reconciler:
    """Who looks after runs that were left behind."""
    runs, rest = _OpenRuns(ground.stores.unfinished), ground.settings.reconcile_seconds
    return Reconciler(runs, linked.runs, ground.stores.events, grace_seconds=rest)


@asynccontextmanager
async def files_on(ground: Groundwork) -> AsyncGenerator[FileReader]:
    """Who reads files for the API. Nothing is started before the first file comes."""
    policy = _policy(ground.settings)
    code = CodeService(replace(options_of(ground.settings), processes=1))
    try:
        yield _Files(lambda: EgressClient(policy), RunnerSandbox(code))
    finally:
        await code.stop()


def api_on(ground: Groundwork, linked: Linked | None, files: FileReader | None = None) -> FastAPI:
    """The HTTP application. Without a connection it serves what needs none: its own description, for one."""
    checks = {} if linked is None else {"temporal": _TemporalAnswers(linked.runs)}
    ui = (
        ""
        if linked is None or not linked.temporal.ui
        else f"{linked.temporal.ui}/namespaces/{linked.temporal.namespace}"
    )
    policy = _policy(ground.settings)
    parts = ApiParts(
        stores=ground.stores,
        library=ground.library,
        runs=None if linked is None else linked.runs,
        limits=ground.limits,
        temporal_ui=ui,
        checks=checks,
        probe=LiveProbe(lambda: EgressClient(policy)),
        tools=LiveTools(lambda: EgressClient(policy)),
        passwords=ground.passwords,
        files=files,
    )
    return create_app(ground.settings, parts)


def _policy(settings: Settings) -> EgressPolicy:
    return EgressPolicy(allow=settings.egress_allow, body_bytes=settings.egress_body_bytes)


@dataclass(frozen=True)
class _Files:
    """Implements `nodes.documents.FileReader`. Each fetch has an egress client of its own, so that none stays open."""

    client: Callable[[], EgressClient]
    sandbox: Sandbox

    async def fetch(self, url: str, name: str = "") -> FetchedFile:
        """See the port."""
        egress = self.client()
        try:
            return await fetch_file(NodeHttp(egress), url, name)
        finally:
            await egress.aclose()

    async def read(self, org_id: str, data: bytes, name: str) -> ReadFile:
        """See the port."""
        return await read_file(self.sandbox, org_id, data, name)


@dataclass(frozen=True)
class _TemporalAnswers:
    """A check that fails while Temporal cannot be reached."""

    runs: RunsClient

    async def __call__(self) -> None:
        # There is no such run, and that is an answer.
        await self.runs.describe("readiness")


@dataclass(frozen=True)
class _OpenRuns:
    """The records of unfinished runs as the reconciler wants them."""

    unfinished: UnfinishedRuns

    async def open_runs(self, *, created_before: int) -> AsyncIterator[OpenRun]:
        """See `workers.reconcile.OpenRuns`."""
        page = await self._page(created_before, None)
        while page:
            for run in page:
                if isinstance(run.start_request, Mapping):
                    yield OpenRun(str(run.id), run.temporal_id, RunStart.from_json(run.start_request))
            page = await self._page(created_before, page[-1])

    async def _page(self, created_before: int, behind: Run | None) -> list[Run]:
        return await self.unfinished.stale(created_before, states=("queued", "running", "waiting"), behind=behind)
