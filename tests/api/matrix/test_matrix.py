"""Every route, asked by everybody for what is his, what is somebody else's, and what is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.access import api_routes
from tests.api.matrix.asking import addressed, ask
from tests.api.matrix.table import Row, read_table
from tests.api.matrix.world import ACTORS, MISSING, STRANGERS, World, furnished
from tests.api.serving import Serving

ROWS = read_table()
_ROOTS = ("/api/", "/v1/", "/v3/", "/open_api/")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Furnished once; what requests have changed is undone."""
    async with furnished(tmp_path_factory.mktemp("matrix")) as made:
        yield made


def served(serving: Serving) -> set[str]:
    """Every method and address."""
    found: set[str] = set()
    for route in api_routes(serving.app.routes):
        path = route.path if route.path.startswith(_ROOTS) else f"/api/v1{route.path}"
        found |= {f"{method} {path}" for method in route.methods or ()}
    return found


def for_everybody(row: Row) -> bool:
    """Whether nobody needs to be known: then the address itself, as a signed link, says what it opens."""
    return row.audience.here >= {*ACTORS}


async def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    assert served(world.serving) == ROWS.keys()


@pytest.mark.parametrize("name", ROWS)
async def test_everybody_gets_what_the_table_says(world: World, name: str) -> None:
    row, wrong = ROWS[name], []
    # Who changes nothing comes first.
    for actor in sorted(ACTORS, key=lambda one: one in row.audience.here):
        answer = await ask(world, row, actor, addressed(row, world.own.ids))
        expected = 401 if actor in STRANGERS and not for_everybody(row) else row.expected(actor)
        if not (answer.status_code == expected if expected else answer.is_success):
            wrong.append((actor, answer.status_code, "expected", expected or "success", answer.text[:300]))
        if answer.is_success and row.method != "GET" and (row.method == "DELETE" or row.once):
            await world.reset()
    if row.method != "GET":
        await world.reset()
    assert not wrong, "\n".join(map(str, (name, *wrong)))


@pytest.mark.parametrize(
    "name", [name for name, row in ROWS.items() if row.things and not for_everybody(row) and not row.unreached]
)
async def test_what_is_somebody_elses_or_not_there_is_not_found(world: World, name: str) -> None:
    row, wrong = ROWS[name], []
    own, foreign = world.own.ids, world.foreign.ids
    changed = False
    for actor in sorted(row.audience.here):
        for word, thing in row.things.items():
            others = {"foreign": foreign[thing], "missing": MISSING.get(word, MISSING["id"])}
            if foreign[thing] == own[thing]:
                # What the catalogue has is the same everywhere, and so are the names of versions and nodes.
                del others["foreign"]
            if actor in row.audience.all and (len(row.things) == 1 or row.apart):
                others.pop("foreign", None)
            for kind, other in others.items():
                answer = await ask(world, row, actor, addressed(row, own, {word: other}))
                changed = changed or (answer.is_success and row.method != "GET")
                if answer.status_code != 404:
                    wrong.append((actor, kind, word, answer.status_code, answer.text[:300]))
    if changed:
        await world.reset()
    assert not wrong, "\n".join(map(str, (name, *wrong)))
