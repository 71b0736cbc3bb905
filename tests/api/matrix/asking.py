"""A request of a row: its body and query filled in with the ids of things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from httpx2 import Response

from storage.ids import new_id
from tests.api.drawings import greeting
from tests.api.matrix.table import Row
from tests.api.matrix.world import World
from tests.fakes.tool_server import described

_PLACE: Final = re.compile(r"\{(\w+)\}")


async def ask(
    world: World,
    row: Row,
    actor: str,
    ids: Mapping[str, str],
    *,
    body: Any = None,
    query: Mapping[str, Any] | None = None,
) -> Response:
    """The answer to an actor; `ids` are what stands in the address, `body` and `query` instead of the row's."""
    own = world.own.ids
    sent: dict[str, Any] = {"params": filled(dict(row.query if query is None else query), own)}
    if row.upload:
        sent["files"] = {"file": (row.upload, "你好".encode())}
    elif row.body is not None or body is not None:
        sent["json"] = filled(row.body if body is None else body, own)
    client = world.actors[actor]
    answer = await client.request(row.method, row.address(ids), **sent)
    # Who logs out stays who he is here: his cookie is no cookie of the client.
    client.cookies.clear()
    return answer


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """A body in which `{workflow}` stands for the id of one."""
    match value:
        case "{canvas}":
            return greeting()
        case "{tools}":
            return described("https://tools.example.com")
        case str():
            return _PLACE.sub(lambda found: str(new_id()) if found[1] == "new" else ids[found[1]], value)
        case dict():
            return {filled(key, ids): filled(one, ids) for key, one in value.items()}
        case list():
            return [filled(one, ids) for one in value]
    return value


def addressed(row: Row, ids: Mapping[str, str], other: Mapping[str, str] | None = None) -> dict[str, str]:
    """What stands in the address of a row: these things, under the names there."""
    return {name: ids[thing] for name, thing in row.things.items()} | dict(other or {})
