"""Every id that a body or a query may name is given that of another organisation: it opens, moves and tells nothing."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from httpx2 import Response

from tests.api.matrix.asking import addressed, ask
from tests.api.matrix.table import Row, read_table
from tests.api.matrix.world import World, furnished

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "docs/openapi.json").read_text("utf-8"))
ROWS = {re.sub(r":\w+}", "}", name): row for name, row in read_table().items()}
THINGS = {
    "folder_id": "folder", "folder": "folder", "space_id": "space", "space": "space", "spaces": "space",
    "workspace_id": "space", "workflow_id": "workflow", "workflow": "workflow", "workflows": "workflow",
    "conversation_id": "conversation", "message_id": "message", "before_id": "message", "after_id": "message",
    "before": "message", "account_id": "account", "account": "account", "created_by": "account", "role_ids": "role",
    "role": "role", "department_id": "department", "department": "department", "leader_id": "employee",
    "organisation_id": "organisation", "organisation": "organisation", "root": "organisation", "event_id": "event_ref",
    "file_id": "file", "execute_id": "run_id", "run": "run_id", "run_id": "run_id", "chat_id": "run_id",
    "user_ids": "account", "coze_account_id": "organisation",
}  # fmt: skip
"""What a field of this name means."""
HERE = {
    ("/folders", "parent_id"): "folder",
    ("/organisations", "parent_id"): "organisation",
    ("/organisation-order", "parent_id"): "organisation",
    ("/organisation-order", "order"): "branch",
    ("/departments", "parent_id"): "department",
    ("/departments/order", "order"): "department",
    ("/workspaces/", "user_id"): "account",
    ("/v1/workspaces", "user_id"): "account",
    ("/references", "target"): "database",
}
"""What a field means at addresses that hold this text: the last that fits."""
FREE = frozenset({"user_id", "app_id", "bot_id", "connector_id", "wait_id", "answer_id"})
"""Names that others give: of their end users, applications and questions. None is an id of ours."""
ADDRESSES = frozenset(
    {"POST /api/v1/tokens", "GET /api/v1/tokens", "POST /api/v1/oauth-apps", "GET /api/v1/tokens/{token}"}
    | {"PATCH /api/v1/tokens/{token}", "DELETE /api/v1/tokens/{token}", "POST /api/v1/tokens/{token}/regenerate"}
)
"""Where `account` is the address of one."""

POSITIONS = frozenset({("GET /api/v1/conversations/{conversation}/messages", "before")})
"""Ids behind which a list goes on: they need not be there any more."""
SCOPES = {"/variable-values": {"scope": "app"}}
"""What else a request must say at an address, or it would not look at the id."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Furnished once; what requests have changed is undone."""
    async with furnished(tmp_path_factory.mktemp("foreign")) as made:
        made.foreign.ids["event_ref"] = f"{made.foreign.ids['run_id']}/1"
        yield made


@dataclass(frozen=True)
class Field:
    """Where a request names something: in the query, or at a path of its body in which `*` is any of a list."""

    operation: str
    place: tuple[str, ...]

    @property
    def name(self) -> str:
        return next(word for word in reversed(self.place) if word != "*")

    @property
    def thing(self) -> str | None:
        """What it means; None: nothing that is known to this test."""
        found = [thing for (text, name), thing in HERE.items() if name == self.name and text in self.operation]
        return found[-1] if found else THINGS.get(self.name)


def fields() -> Iterator[Field]:
    """All that are named like ids, or mean things."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            found: list[tuple[str, ...]] = [
                ("?", one["name"]) for one in operation.get("parameters", []) if one["in"] == "query"
            ]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None:
                found += [*_inside(body["schema"], (), frozenset())]
            for place in found:
                field = Field(name, place)
                if _means(field):
                    yield field


def _means(field: Field) -> bool:
    named = field.name.endswith(("_id", "_ids"))
    if field.name == "account" and field.operation in ADDRESSES:
        return False
    # An end user's name, unless the address says otherwise.
    free = field.name in FREE and field.thing is None
    return not free and (named or field.thing is not None)


def _inside(schema: Any, place: tuple[str, ...], above: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """The places of the values in a body."""
    if (ref := schema.get("$ref")) is not None:
        if ref in above:
            return
        above, schema = above | {ref}, DOCUMENT["components"]["schemas"][ref.rpartition("/")[2]]
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _inside(one, place, above)
    for name, one in schema.get("properties", {}).items():
        yield from _inside(one, (*place, name), above)
    if "items" in schema:
        yield from _inside(schema["items"], (*place, "*"), above)
    elif schema.get("type") in {"string", "integer"} and place:
        yield place


FIELDS = [*dict.fromkeys(fields())]


async def test_every_such_field_can_be_filled() -> None:
    assert [field for field in FIELDS if field.thing is None] == []
    assert len(FIELDS) > 50


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.operation} {'.'.join(field.place)}")
async def test_a_foreign_id_leads_nowhere(world: World, field: Field) -> None:
    row = ROWS[field.operation]
    assert field.thing is not None
    foreign = world.foreign.ids[field.thing]
    body, query = copy.deepcopy(row.body), {**row.query}
    if field.place[0] == "?":
        query[field.name] = foreign
    else:
        body = _with(body, field.place, foreign)
    for text, more in SCOPES.items():
        if text in field.operation:
            query, body = {**query, **more} if query else query, {**body, **more} if body else body
    answer = await ask(world, row, "browser", addressed(row, world.own.ids), body=body, query=query)
    if answer.is_success:
        if row.method != "GET":
            await world.reset()
        nothing_of_it(field, row, answer, foreign)
    else:
        assert answer.status_code in {403, 404, 409, 422}, answer.text


def _with(body: Any, place: tuple[str, ...], value: str) -> Any:
    """A body in which this stands at a place."""
    if not place:
        return value
    word, *rest = place
    if word == "*":
        return [_with(one, tuple(rest), value) for one in (body or [{}])[:1]]
    return {**(body or {}), word: _with((body or {}).get(word), tuple(rest), value)}


def nothing_of_it(field: Field, row: Row, answer: Response, foreign: str) -> None:
    """A list that is empty, a file with no lines, or a report of what could not be done."""
    if (report := REPORTS.get(field.operation)) is not None:
        assert report in answer.text
        return
    assert row.method == "GET", answer.text
    assert foreign not in answer.text
    if answer.headers["content-type"].startswith("text/csv"):
        assert len(answer.text.splitlines()) == 1
    elif (field.operation, field.name) not in POSITIONS:
        assert not any(_lists(answer.json())), answer.text


REPORTS = {
    "POST /v1/workspaces/{workspace_id}/members": '"added_success_user_ids":[]',
    "DELETE /v1/workspaces/{workspace_id}/members": '"removed_success_user_ids":[]',
    "POST /api/v1/spaces/{space}/members": '"outcome":"unknown"',
}
"""What says of each who was named what became of him: there is no such person."""


def _lists(value: Any) -> list[list[Any]]:
    match value:
        case dict():
            return [found for one in value.values() for found in _lists(one)]
        case list():
            return [value]
    return []
