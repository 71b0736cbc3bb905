"""Two organisations with one of everything, and everybody who might ask; what a request changes can be undone."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import Connection, update
from sqlmodel import col
from starlette.types import Receive, Scope, Send

from storage.callers import rights_changed
from storage.clock import now_ms
from storage.tables import Account
from storage.tokens import new_token
from tests.api.browsing import at_a_browser
from tests.api.logins import quick
from tests.api.matrix.furniture import Place, furnish
from tests.api.people import Somebody, another_organisation, somebody
from tests.api.serving import Serving, serve

ACTORS = (
    "anonymous", "viewer", "editor", "admin", "owner", "org_admin", "other_admin", "browser", "other_browser", "guest",
    "no_scope", "expired", "revoked", "disabled", "instance",
)  # fmt: skip
"""Who asks. The roles are those in the space, and with them come tokens; `org_admin` is no member of it, and
administers its organisation; `other_admin` administers another organisation, and owns a space there. `browser` is a
person who is logged in, owns the space and administers the organisation; `other_browser` the same elsewhere. The guest
may run the workflow. `instance` is the operator's own token."""
STRANGERS = frozenset({"anonymous", "expired", "revoked", "disabled"})
MISSING = {"id": "7", "version": "v9.9.9"}
"""What is nowhere."""
_GENEROUS = {f"{who}_requests_per_minute": 0 for who in ("token", "guest", "account", "organisation", "stranger")} | {
    f"{who}_runs_per_minute": 0 for who in ("token", "guest", "account", "organisation")
}


class _Door:
    """Whatever application serves at the moment: clients outlive it."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass
class World:
    """What is asked for, and who asks."""

    folder: Path
    door: _Door = field(default_factory=_Door)
    serving: Serving = field(init=False)
    own: Place = field(init=False)
    foreign: Place = field(init=False)
    actors: dict[str, AsyncClient] = field(default_factory=dict)
    people: dict[str, Somebody] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _times: int = 0

    async def open(self, folder: Path) -> None:
        """Serve what is in a folder."""
        self.serving = await self._stack.enter_async_context(serve(folder, settings=_GENEROUS, passwords=quick()))
        self.door.app = self.serving.app

    async def reset(self) -> None:
        """Everything is again as it was when it had just been furnished."""
        await self._stack.aclose()
        before = self.folder / str(self._times)
        self._times += 1
        shutil.copytree(self.folder / "furnished", self.folder / str(self._times))
        await self.open(self.folder / str(self._times))
        shutil.rmtree(before, ignore_errors=True)

    async def close(self) -> None:
        """Let go of everything."""
        for client in self.actors.values():
            await client.aclose()
        await self._stack.aclose()

    def carrying(self, token: str | None) -> AsyncClient:
        """A client without a network, whatever application serves."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return AsyncClient(transport=ASGITransport(self.door), base_url="http://test", headers=headers, timeout=60)


@asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[World]:
    """Everything that is asked for and about, made through the API where there is a way."""
    world = World(folder)
    first = folder / "furnished"
    await world.open(first)
    try:
        await _people(world)
        await furnish(world.serving, world.own)
        await furnish(world.serving, world.foreign)
        world.actors["guest"] = world.carrying(world.own.ids["guest_secret"])
        await _disable(world.serving, world.people["disabled"])
        await world.reset()
        yield world
    finally:
        await world.close()


async def _people(world: World) -> None:
    serving = world.serving
    home = await serving.stores.organisations.ensure_default()
    org, space = await another_organisation(serving)
    there: dict[str, Any] = {"org_id": org, "space_id": space}
    people = {role: await somebody(serving, role, name=role) for role in ("viewer", "editor", "admin", "owner")}
    people["org_admin"] = await somebody(serving, name="org_admin", grants=(2,))
    people["other_admin"] = await somebody(serving, "owner", name="other_admin", grants=(2,), **there)
    people["browser"] = await somebody(serving, "owner", name="browser", grants=(2,))
    people["other_browser"] = await somebody(serving, "owner", name="other_browser", grants=(2,), **there)
    people["no_scope"] = await somebody(serving, "owner", name="no_scope", scopes=[], grants=(2,))
    people["expired"] = await somebody(serving, "owner", name="expired", expires=now_ms() - 1, grants=(2,))
    people["disabled"] = await somebody(serving, "owner", name="disabled", grants=(2,))
    for one in people.values():
        await one.client.aclose()
    world.people = people
    world.actors = {name: world.carrying(one.token) for name, one in people.items()}
    for name in ("browser", "other_browser"):
        async with await at_a_browser(serving, people[name]) as client:
            # Pages say in which space they are.
            cookies = dict(client.cookies)
            headers = {"x-requested-with": "fetch", "x-space-id": str(people[name].space_id)}
            headers["cookie"] = "; ".join(f"{one}={value}" for one, value in cookies.items())
        await world.actors[name].aclose()
        world.actors[name] = AsyncClient(
            transport=ASGITransport(world.door), base_url="http://test", headers=headers, timeout=60
        )
    world.actors |= {"anonymous": world.carrying(None), "revoked": world.carrying(new_token())}
    tokens = {}
    for name, (org_id, space_id) in {"own": (home.org_id, home.space_id), "foreign": (org, space)}.items():
        tokens[name] = new_token()
        await serving.stores.tokens.register(org_id, space_id, f"the furnisher of {name}", tokens[name])
    world.actors["instance"] = world.carrying(tokens["own"])
    world.actors["furnisher"] = world.carrying(tokens["foreign"])
    world.own = Place(home.org_id, home.space_id, world.actors["instance"], world.actors["browser"])
    world.foreign = Place(org, space, world.actors["furnisher"], world.actors["other_browser"])


async def _disable(serving: Serving, one: Somebody) -> None:
    def job(connection: Connection) -> None:
        connection.execute(update(Account).where(col(Account.id) == one.account_id).values(disabled=1))
        rights_changed(connection)

    await serving.stores.database.write(job)
