"""One HTTP server over a folder's database, in a process of its own: our API, or as little as FastAPI can do there.

`python -m bench.serving FOLDER api|bare` prints one line of JSON when it is ready, and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import uvicorn
import uvloop
from fastapi import FastAPI
from sqlalchemy import bindparam, select
from sqlmodel import col

from api.app import create_app
from api.parts import ApiParts
from bench import canvases
from conf.logging import configure_logging
from conf.settings import Settings
from nodes.library import built_in_library
from storage.ids import new_id
from storage.stores import Stores, open_stores
from storage.tables import Workflow
from storage.tokens import new_token

_WORKFLOWS = 1_000
_ONE = select(col(Workflow.name)).where(col(Workflow.id) == bindparam("id"))


async def main(folder: Path, kind: str) -> None:
    """Serve until nobody listens any more."""
    settings = Settings(data_dir=folder)
    configure_logging("warning")
    with open_stores(folder) as stores:
        home = await stores.organisations.ensure_default()
        workflows = stores.workflows(home.org_id, home.space_id)
        told: dict[str, str] = {}
        if kind == "api":
            told["token"] = new_token()
            await stores.tokens.register(home.org_id, home.space_id, "bench", told["token"])
            for number in range(_WORKFLOWS):
                made = await workflows.create(f"Workflow {number}", canvases.inline(10), key=f"w{new_id()}")
                told["workflow"] = str(made.id)
        app = create_app(settings, ApiParts(stores, built_in_library())) if kind == "api" else bare(stores)
        listening = socket.create_server(("127.0.0.1", 0))
        told["url"] = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving


def bare(stores: Stores) -> FastAPI:
    """The floor: a route that reads one row by its primary key, and asks nobody who he is."""
    app = FastAPI()

    @app.get("/bare/{number}")
    async def read(number: int) -> dict[str, str | None]:
        return {"name": await stores.database.read(lambda connection: connection.scalar(_ONE, {"id": number}))}

    return app


if __name__ == "__main__":
    # The loop of a real server, which also sends small answers at once.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1]), sys.argv[2]))
