"""The application: everything that is served, put together from its parts."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from api.access import Gate, check_declared
from api.accounts import login, others, own
from api.accounts.service import AccountService
from api.audit import routes as audit
from api.conversations import routes as conversations
from api.databases import routes as databases
from api.databases.service import DatabaseService
from api.event_stream import Streams
from api.failures import answer_failures
from api.files import routes as files
from api.files.service import FileLimits, FileService
from api.interchange import routes as interchange
from api.knowledge import routes as knowledge
from api.knowledge.service import KnowledgeService
from api.models import routes as models
from api.models.service import ModelService
from api.node_types import routes as node_types
from api.node_types.palette import Palette
from api.open import chat as open_chat
from api.open import conversations as open_conversations
from api.open import files as open_files
from api.open import histories as open_histories
from api.open import messages as open_messages
from api.open import oauth as open_oauth
from api.open import runs as open_runs
from api.open import users as open_users
from api.open import variables as open_variables
from api.open import workflows as open_workflows
from api.open import workspaces as open_workspaces
from api.openapi import DESCRIPTION, operation_id
from api.organisations import departments, employees
from api.organisations import routes as organisations
from api.parts import ApiParts
from api.plugins import routes as plugins
from api.plugins.service import PluginService
from api.proxies import TrustedProxies, read_networks
from api.rates import RateLimiter, rates_of
from api.request_log import RequestLog
from api.roles import grants
from api.roles import routes as roles
from api.runs import debug, events
from api.runs import routes as runs
from api.runs.service import RunService
from api.spaces import members
from api.spaces import routes as spaces
from api.system import routes as system
from api.temporal import routes as temporal
from api.temporal.guests import ForTemporalPages, origin_of
from api.temporal.sessions import Sessions
from api.tokens import apps as oauth_apps
from api.tokens import guests, other_tokens
from api.tokens import routes as tokens
from api.tokens.service import TokenService
from api.usage import routes as usage
from api.variables import routes as variables
from api.workflows import changes, copies, folders, references, trash, versions
from api.workflows import routes as workflows
from api.workflows.catalogue import Catalogue
from conf.settings import Settings
from storage.places import Places
from workers.client import PayloadReader

# In the order in which an address is looked for: starting runs is what most requests do.
FEATURES: Final = (
    runs.router,
    interchange.router,
    workflows.router,
    versions.router,
    changes.router,
    copies.router,
    folders.router,
    trash.router,
    references.router,
    debug.router,
    events.router,
    node_types.router,
    models.router,
    plugins.router,
    knowledge.router,
    knowledge.uploads,
    databases.router,
    conversations.router,
    variables.router,
    files.router,
    files.uploads,
    spaces.router,
    members.router,
    roles.router,
    grants.router,
    audit.router,
    usage.router,
    tokens.router,
    other_tokens.router,
    guests.router,
    oauth_apps.router,
    temporal.router,
    organisations.router,
    departments.router,
    employees.router,
    login.router,
    own.router,
    others.router,
    system.router,
)

# Addresses that programs written for Coze call, each from the root on.
OPEN_FEATURES: Final[tuple[APIRouter, ...]] = (
    open_runs.router,
    open_chat.router,
    open_histories.router,
    open_workflows.router,
    open_users.router,
    open_workspaces.router,
    open_oauth.router,
    open_conversations.router,
    open_messages.router,
    open_variables.router,
    open_files.router,
)


def create_app(settings: Settings, parts: ApiParts, *more: APIRouter) -> FastAPI:
    """Put the application together; `more` are the routes of whoever adds to it. Starts nothing and closes nothing.

    Whoever stops the server calls `app.state.streams.stop()` first, or it waits for the readers of open streams.
    """
    pages = origin_of(parts.temporal_ui)
    app = FastAPI(
        title="Mainspring",
        summary="Runs AI agents and visual workflows that do not stop.",
        description=DESCRIPTION,
        version=version("mainspring"),
        # Served by a route of ours, which needs a token; the pages that show it would load scripts from elsewhere.
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        middleware=[*_proxies(settings), Middleware(RequestLog), Middleware(ForTemporalPages, origin=pages)],
    )
    catalogue = Catalogue(parts.stores, parts.library.types, parts.limits)
    app.state.parts = parts
    app.state.settings = settings
    app.state.accounts = AccountService(parts.stores, parts.passwords, settings)
    app.state.limits = parts.limits
    app.state.open_run_seconds = settings.open_run_seconds
    app.state.places = Places(parts.stores.database)
    rates = rates_of(settings)
    app.state.rates = RateLimiter(rates)
    app.state.gate = Gate(parts.stores.callers, app.state.rates)
    app.state.tokens = TokenService(parts.stores, app.state.gate, rates)
    app.state.sessions = Sessions(app.state.gate)
    app.state.temporal_origin = pages
    app.state.payloads = PayloadReader(parts.stores.blobs, parts.stores.data_keys)
    app.state.streams = Streams()
    app.state.palette = Palette(parts.library)
    app.state.catalogue = catalogue
    app.state.databases = DatabaseService(parts.stores.tables, longest_text=settings.table_text_bytes)
    app.state.models = ModelService(parts.stores, parts.probe)
    app.state.plugins = PluginService(parts.stores, parts.tools)
    app.state.knowledge = KnowledgeService(parts.stores, parts.files)
    limits = FileLimits(settings.file_bytes, settings.file_space_bytes, frozenset(settings.file_types))
    app.state.files = FileService(parts.stores, limits)
    app.state.runs = RunService(parts, catalogue, in_place=settings.run_in_place)
    answer_failures(app)
    for router in (*FEATURES, *more):
        app.include_router(router, prefix="/api/v1")
    for router in OPEN_FEATURES:
        app.include_router(router)
    check_declared(app.routes)
    return app


def _proxies(settings: Settings) -> list[Middleware]:
    """The outermost layer, where proxies stand in front."""
    networks = read_networks(settings.trusted_proxies)
    return [Middleware(TrustedProxies, networks=networks)] if networks else []
