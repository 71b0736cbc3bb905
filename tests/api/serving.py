"""The application over real stores in a folder of the test, and a client that holds its token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.routing import BaseRoute

from api.app import create_app
from api.parts import ApiParts
from conf.settings import Settings
from engine.limits import DEFAULT_LIMITS, Limits
from nodes.library import Library, built_in_library
from storage.stores import Stores, open_stores
from storage.tokens import new_token
from tests.storage.samples import KEYS
from workers.client import RunsClient

Document = dict[str, Any]

_ROUTES: Final[list[BaseRoute]] = []
"""Those of the first application here."""


@dataclass
class Serving:
    """What a test of the API holds in its hands."""

    app: FastAPI
    client: AsyncClient
    stores: Stores
    token: str

    async def get(self, path: str, /, **params: Any) -> Response:
        return await self.client.get(f"/api/v1{path}", params=params)

    async def post(self, path: str, body: Any = None, **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"/api/v1{path}", json=body, headers=sent)

    async def put(self, path: str, body: Any) -> Response:
        return await self.client.put(f"/api/v1{path}", json=body)

    async def patch(self, path: str, body: Any) -> Response:
        return await self.client.patch(f"/api/v1{path}", json=body)

    async def delete(self, path: str) -> Response:
        return await self.client.delete(f"/api/v1{path}")

    async def drawn(self, canvas: Document, name: str = "A flow", **fields: Any) -> Document:
        """A workflow with this draft."""
        answer = await self.post("/workflows", {"name": name, "canvas": canvas, **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def published(self, canvas: Document, name: str = "A flow", **fields: Any) -> str:
        """The id of a workflow that is published."""
        workflow = await self.drawn(canvas, name, **fields)
        answer = await self.post(f"/workflows/{workflow['id']}/versions", {})
        assert answer.status_code == 201, answer.text
        return str(workflow["id"])

    async def run(self, workflow: str, inputs: Mapping[str, Any] | None = None, **fields: Any) -> Document:
        """A run, as the API answers its start."""
        answer = await self.post(f"/workflows/{workflow}/runs", {"inputs": inputs or {}, **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@asynccontextmanager
async def serve(
    folder: Path,
    *,
    library: Library | None = None,
    runs: RunsClient | None = None,
    limits: Limits = DEFAULT_LIMITS,
    run_in_place: bool = True,
    settings: Mapping[str, Any] | None = None,
    stores: Stores | None = None,
    **parts: Any,
) -> AsyncIterator[Serving]:
    """Serve over stores in a folder, or over those given."""
    if stores is None:
        _put_new_database(folder)
    opened = stores or open_stores(folder, keys=KEYS)
    try:
        home = await opened.organisations.ensure_default()
        token = new_token()
        await opened.tokens.register(home.org_id, home.space_id, "a test", token)
        made = ApiParts(stores=opened, library=library or built_in_library(), runs=runs, limits=limits, **parts)
        app = _on_known_routes(
            create_app(Settings(data_dir=folder, run_in_place=run_in_place, **(settings or {})), made)
        )
        async with client_of(app, token) as client:
            yield Serving(app, client, opened, token)
    finally:
        if stores is None:
            opened.close()


def client_of(app: FastAPI, token: str | None) -> AsyncClient:
    """A client without a network between it and the application."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return AsyncClient(transport=ASGITransport(app), base_url="http://test", headers=headers, timeout=30)


@cache
def _new_database() -> bytes:
    """A database as it is after the first start; copying it is quicker than making it."""
    with TemporaryDirectory() as folder:
        open_stores(Path(folder), keys=KEYS).close()
        return (Path(folder) / "mainspring.sqlite").read_bytes()


def _put_new_database(folder: Path) -> None:
    file = folder / "mainspring.sqlite"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_new_database())


def _on_known_routes(app: FastAPI) -> FastAPI:
    """The application on routes that have served before: finding out what each depends on takes longer than a test.

    They know nothing of the application that they serve, which comes with each request.
    """
    if not _ROUTES:
        _ROUTES.extend(app.router.routes)
    app.router.routes = list(_ROUTES)
    return app
