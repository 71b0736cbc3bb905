"""Who may: nobody without a token, nobody beyond their space, and no route without a word about it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter
from httpx2 import AsyncClient
from sqlalchemy import insert
from starlette.requests import HTTPConnection

from api.access import Gate, Member, Permission, api_routes, require
from api.app import create_app
from api.errors import Unauthenticated
from api.open.envelope import is_open
from api.parts import ApiParts
from conf.settings import Settings
from nodes.library import built_in_library
from storage.callers import Caller, CallerKind, Standing
from storage.ids import new_id
from storage.stores import open_stores
from storage.tables import Space
from storage.tokens import new_token
from tests.api.drawings import greeting
from tests.api.people import leaves, somebody
from tests.api.serving import Serving, client_of

OPEN = {"/api/v1/health/live", "/api/v1/health/ready"}
FOR_EVERYBODY = {
    ("GET", "/api/v1/file-links/{file}"): 404,
    ("GET", "/api/v1/registration"): 200,
    ("POST", "/api/v1/registration"): 422,
    ("POST", "/api/v1/login"): 422,
    ("POST", "/api/v1/logout"): 403,
    ("POST", "/api/permission/oauth2/token"): 422,
}
"""What somebody who is not known yet may ask, and how it is answered when he says nothing."""


async def in_another_space(serving: Serving) -> AsyncClient:
    """A client of another space of the same organisation."""
    home = await serving.stores.organisations.ensure_default()
    space = new_id()
    row = {"id": space, "org_id": home.org_id, "key": "other", "name": "Other", "created": 1}
    await serving.stores.database.write(lambda connection: connection.execute(insert(Space).values(row)).close())
    token = new_token()
    await serving.stores.tokens.register(home.org_id, space, "somebody else", token)
    return client_of(serving.app, token)


def addresses(serving: Serving) -> list[tuple[str, str]]:
    """Every method and path that is served, with ids filled in."""
    found: list[tuple[str, str]] = []
    for route in api_routes(serving.app.routes):
        path = route.path if route.path.startswith("/api/v1") or is_open(route.path) else f"/api/v1{route.path}"
        for name, value in (
            ("workflow", "7"),
            ("version", "v0.0.1"),
            ("run_id", "7"),
            ("sha", "0" * 64),
            ("name", "end"),
            ("model", "7"),
            ("conversation", "7"),
            ("message", "7"),
            ("variable", "7"),
        ):
            path = path.replace(f"{{{name}}}", value)
        found += [(method, path) for method in sorted(route.methods or ())]
    return found


async def test_nothing_but_the_health_is_open_without_a_token(serving: Serving) -> None:
    paths = addresses(serving)
    assert len(paths) > 20
    async with client_of(serving.app, None) as nobody:
        for method, path in paths:
            answer = await nobody.request(method, path)
            if path in OPEN:
                assert answer.status_code == 200, path
            elif (method, path) in FOR_EVERYBODY:
                assert answer.status_code == FOR_EVERYBODY[method, path], path
            else:
                assert (answer.status_code, answer.json()["code"]) == (
                    401,
                    4100 if is_open(path) else "unauthenticated",
                ), path
                assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_body_of_a_stranger_is_not_read(serving: Serving) -> None:
    async def endless() -> AsyncIterator[bytes]:
        raise AssertionError("somebody reads")
        yield b""

    headers = {"content-type": "application/json"}
    async with client_of(serving.app, "ms_nobody") as nobody:
        answer = await nobody.post("/api/v1/workflows", content=endless(), headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer nope",
        "Basic bXM6bXM=",
        "Bearer ms_" + "x" * 43,
        "Bearer " + "x" * 5_000,
        "Bearer \u00e4",
    ],
)
async def test_what_is_no_token_opens_nothing(serving: Serving, header: str) -> None:
    async with client_of(serving.app, None) as nobody:
        answer = await nobody.get("/api/v1/workflows", headers={b"authorization": header.encode("latin-1")})
    assert answer.status_code == 401


async def test_the_scheme_is_read_in_any_case(serving: Serving) -> None:
    async with client_of(serving.app, None) as client:
        answer = await client.get("/api/v1/workflows", headers={"authorization": f"bearer {serving.token}"})
    assert answer.status_code == 200


async def test_what_belongs_to_another_space_is_not_found(serving: Serving) -> None:
    workflow = await serving.published(greeting(), key="greet")
    run = (await serving.run(workflow, {"name": "Ada"}))["id"]
    async with await in_another_space(serving) as other:
        assert (await other.get("/api/v1/workflows")).json()["items"] == []
        assert (await other.get("/api/v1/runs")).json()["items"] == []
        for ref in (workflow, "greet"):
            for method, path, body in (
                ("GET", f"/workflows/{ref}", None),
                ("PATCH", f"/workflows/{ref}", {"name": "mine"}),
                ("DELETE", f"/workflows/{ref}", None),
                ("GET", f"/workflows/{ref}/draft", None),
                ("PUT", f"/workflows/{ref}/draft", {"canvas": {}, "revision": 1}),
                ("POST", f"/workflows/{ref}/validate", None),
                ("POST", f"/workflows/{ref}/versions", {}),
                ("GET", f"/workflows/{ref}/versions", None),
                ("GET", f"/workflows/{ref}/versions/latest", None),
                ("POST", f"/workflows/{ref}/runs", {"inputs": {"name": "Ada"}}),
                ("GET", f"/runs?workflow={ref}", None),
            ):
                answer = await other.request(method, f"/api/v1{path}", json=body)
                assert answer.status_code == 404, (method, path)
        for method, path, body in (
            ("GET", f"/runs/{run}", None),
            ("GET", f"/runs/{run}/nodes", None),
            ("GET", f"/runs/{run}/events", None),
            ("GET", f"/runs/{run}/events/stream", None),
            ("GET", f"/runs/{run}/values/{'0' * 64}", None),
            ("POST", f"/runs/{run}/cancel", {}),
            ("POST", f"/runs/{run}/answers", {"wait_id": "ask", "answer": "x"}),
        ):
            answer = await other.request(method, f"/api/v1{path}", json=body)
            assert answer.status_code == 404, (method, path)
    assert (await serving.get("/workflows/greet")).status_code == 200


async def test_a_route_without_a_permission_keeps_the_application_from_starting(tmp_path: Path) -> None:
    router = APIRouter()

    @router.get("/careless")
    async def careless() -> None: ...

    @router.get("/careful")
    async def careful(member: Annotated[Member, require(Permission.RUN_VIEW)]) -> None: ...

    with open_stores(tmp_path) as stores, pytest.raises(TypeError, match="careless") as error:
        create_app(Settings(data_dir=tmp_path), ApiParts(stores=stores, library=built_in_library()), router)
    assert "careful" not in str(error.value)


class Book:
    """Credentials and rights that count how often they are asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.rights = 0

    async def epoch(self) -> int:
        return self.rights

    async def by_token(self, token: str, ip: str = "") -> Caller | None:
        self.asked += 1
        return Caller("instance", 1, 0, "a test", 2, 3) if token == "right" else None

    async def by_id(self, kind: CallerKind, id_: int) -> Caller | None:
        return None

    async def by_session(self, cookie: str) -> Caller | None:
        return None

    async def standing(self, caller: Caller, space: str | int | None = None) -> Standing:
        return Standing(2, 3, "team", "", (), frozenset({2}))


def carrying(token: str) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]})


async def test_a_known_token_is_believed_for_a_moment_without_asking_again() -> None:
    book = Book()
    gate = Gate(book)
    members = [await gate.member(carrying("right")) for _ in range(5)]
    assert book.asked == 1
    assert {member.space_id for member in members} == {3}


async def test_a_change_of_rights_is_noticed_at_the_next_request() -> None:
    book = Book()
    gate = Gate(book)
    await gate.member(carrying("right"))
    book.rights += 1
    await gate.member(carrying("right"))
    assert book.asked == 2


async def test_an_unknown_token_is_never_remembered() -> None:
    book = Book()
    gate = Gate(book)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await gate.member(carrying("wrong"))
    assert book.asked == 3


async def test_members_may_what_their_role_in_the_space_says(serving: Serving) -> None:
    workflow = await serving.published(greeting(), key="greet")
    for role, statuses in {
        "viewer": (200, 403, 403, 403),
        "editor": (200, 200, 201, 403),
        "owner": (200, 200, 201, 403),
    }.items():
        async with (await somebody(serving, role)).client as client:
            answers = [
                await client.get(f"/api/v1/workflows/{workflow}"),
                await client.patch(f"/api/v1/workflows/{workflow}", json={"description": "你好"}),
                await client.post(f"/api/v1/workflows/{workflow}/runs", json={"inputs": {"name": "Ada"}}),
                await client.post("/api/v1/models", json={"key": "m", "provider": "openai", "vendor_model": "m"}),
            ]
        assert tuple(answer.status_code for answer in answers) == statuses, role


async def test_a_space_that_one_is_no_member_of_is_not_found(serving: Serving) -> None:
    ada, bob = await somebody(serving, "owner"), await somebody(serving)
    for client in (ada.client, bob.client):
        mine = await client.get("/api/v1/workflows", headers={"x-space-id": str(ada.space_id)})
        assert mine.status_code == (200 if client is ada.client else 404)
        assert (await client.get("/api/v1/workflows", headers={"x-space-id": "nobody's"})).status_code == 404
        await client.aclose()


async def test_a_member_whose_role_ends_is_a_stranger_at_the_next_request(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    headers = {"x-space-id": str(ada.space_id)}
    assert (await ada.client.get("/api/v1/workflows", headers=headers)).status_code == 200
    await leaves(serving, ada)
    assert (await ada.client.get("/api/v1/workflows", headers=headers)).status_code == 404
    await ada.client.aclose()
