"""Requests made from the description of the API get answers that the description knows: statuses, bodies, kinds."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import schemathesis
from httpx2 import AsyncClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.matrix.world import World, furnished

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text("utf-8"))
"""As it is committed: `tests/docs` proves that it is what is served."""
Operation = APIOperation[Any, Any, Any, Any]
SCHEMA: Any = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: dict[str, Operation] = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("MAINSPRING_TEST_SCHEMA_EXAMPLES", "6"))
"""How many requests each operation gets; more of them look deeper."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One of everything, so that requests lead somewhere."""
    async with furnished(tmp_path_factory.mktemp("schemathesis")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def whole(world: World, label: str) -> AsyncIterator[World]:
    """Nothing of it is gone when the next operation is asked for."""
    yield world
    if not label.startswith("GET "):
        await world.reset()


@pytest.mark.parametrize("label", OPERATIONS)
@seed(20260501)
@settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[*HealthCheck],
)
@given(data=st.data())
async def test_the_answers_are_those_that_are_described(whole: World, label: str, data: st.DataObject) -> None:
    operation = OPERATIONS[label]
    known = {name: whole.own.ids[name] for name in _parameters(operation) if name in whole.own.ids}
    addressed = known if data.draw(st.integers(0, 3)) else None
    mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case = data.draw(operation.as_strategy(generation_mode=mode, path_parameters=addressed))
    client = whole.actors[data.draw(st.sampled_from(["instance", "browser", "viewer"]))]
    answer = await send(client, case, elsewhere=not data.draw(st.integers(0, 7)))
    if answer.status_code >= 500:
        # This process has no way to Temporal, and says so; anything else is broken.
        assert answer.json()["code"] in {"not_available", 5030, 5010}, answer.text
    await answer.request.aread()
    case.validate_response(answer, checks=CHECKS)


def _parameters(operation: Operation) -> list[str]:
    return [one.name for one in operation.path_parameters]


async def send(client: AsyncClient, case: schemathesis.Case[Any], *, elsewhere: bool) -> Any:
    """Ask what a case says, without a network: of cookies and tokens what the client has, spaces only `elsewhere`."""
    sent: dict[str, Any] = case.as_transport_kwargs(base_url="http://test")
    headers = {name: value for name, value in sent["headers"].items() if name.lower() not in _OURS}
    if not elsewhere:
        headers = {name: value for name, value in headers.items() if name.lower() != "x-space-id"}
    body: dict[str, Any] = {name: sent[name] for name in ("json", "files", "content") if sent.get(name) is not None}
    if "files" in body:
        body["files"] = [(name, _part(part)) for name, part in body["files"]]
    data = sent.get("data")
    if data is not None:
        body["content" if isinstance(data, str | bytes) else "data"] = data
    params = sent.get("params") or None
    return await client.request(sent["method"], sent["url"], params=params, headers=headers, **body)


def _part(part: Any) -> Any:
    """A part of a form: numbers are written as what they are."""
    name, value, *rest = part if isinstance(part, tuple) else (None, part)
    return (name, value if isinstance(value, str | bytes) else json.dumps(value), *rest)


_OURS = frozenset({"authorization", "cookie", "user-agent", "connection", "host"})
