"""What routes take from the application: each is made once, in `create_app`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from api.databases.service import DatabaseService
from api.knowledge.service import KnowledgeService
from api.models.service import ModelService
from api.parts import ApiParts
from api.plugins.service import PluginService
from api.runs.service import RunService
from api.workflows.catalogue import Catalogue
from storage.stores import Stores

# Async although they wait for nothing: FastAPI sends plain functions to a thread.


async def _stores(request: Request) -> Stores:
    parts: ApiParts = request.app.state.parts
    return parts.stores


async def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


async def _runs(request: Request) -> RunService:
    runs: RunService = request.app.state.runs
    return runs


async def _models(request: Request) -> ModelService:
    models: ModelService = request.app.state.models
    return models


async def _knowledge(request: Request) -> KnowledgeService:
    knowledge: KnowledgeService = request.app.state.knowledge
    return knowledge


async def _plugins(request: Request) -> PluginService:
    plugins: PluginService = request.app.state.plugins
    return plugins


async def _databases(request: Request) -> DatabaseService:
    databases: DatabaseService = request.app.state.databases
    return databases


StoresDep = Annotated[Stores, Depends(_stores)]
CatalogueDep = Annotated[Catalogue, Depends(_catalogue)]
RunsDep = Annotated[RunService, Depends(_runs)]
ModelsDep = Annotated[ModelService, Depends(_models)]
PluginsDep = Annotated[PluginService, Depends(_plugins)]
KnowledgeDep = Annotated[KnowledgeService, Depends(_knowledge)]
DatabasesDep = Annotated[DatabaseService, Depends(_databases)]
