"""What records and events show of secrets."""

from __future__ import annotations

from typing import Any

from engine.events import EventType
from engine.secrets import without_secret_headers
from tests.engine.draw import World, canvas, end, node, run, start


def test_headers_that_hold_keys_are_hidden_in_any_case() -> None:
    given: dict[str, Any] = {
        "headers": {"Authorization": "Bearer s", "X-Api-Key": ["s"], "Accept": "text", "cookie": ""}
    }
    assert without_secret_headers(given) == {
        "headers": {"Authorization": "***", "X-Api-Key": "***", "Accept": "text", "cookie": ""}
    }
    pairs = {
        "headers": [
            {"name": "X-GOOG-API-KEY", "value": "s"},
            {"key": "api-key", "value": "s"},
            {"name": "A", "value": 1},
        ]
    }
    assert without_secret_headers(pairs) == {
        "headers": [
            {"name": "X-GOOG-API-KEY", "value": "***"},
            {"key": "api-key", "value": "***"},
            {"name": "A", "value": 1},
        ]
    }
    assert given["headers"]["Authorization"] == "Bearer s"


async def test_a_secret_of_the_runs_input_reaches_the_step_and_no_event() -> None:
    secret = {"type": "string", "format": "password"}
    drawn = canvas(
        start({"token": secret, "inner": {"type": "object", "properties": {"key": secret}}, "name": "string"}),
        node("w", "strict_work", {"url": "=start.name", "token": "=start.token"}),
        end({"name": "=start.name"}),
        lines="start>w>end",
    )
    world = World(outputs={"w": {"status": 200}})
    _, runtime = await run(drawn, {"token": "s3cret", "inner": {"key": "s3cret"}, "name": "李"}, world)
    assert world.requests[0].inputs["token"] == "s3cret"
    assert "s3cret" not in str(runtime.events)
    began = next(event for event in runtime.events if event.type is EventType.RUN_STARTED)
    assert began.data["inputs"] == {"token": "***", "inner": {"key": "***"}, "name": "李"}


async def test_a_header_that_holds_a_key_reaches_the_step_and_no_event() -> None:
    world = World()
    drawn = canvas(
        start(), node("w", "work", {"headers": {"value": {"Authorization": "s3cret"}}}), end({}), lines="start>w>end"
    )
    _, runtime = await run(drawn, world=world)
    assert world.requests[0].inputs["headers"] == {"Authorization": "s3cret"}
    told = next(event for event in runtime.events if event.key == "w:started")
    assert told.data["inputs"] == {"headers": {"Authorization": "***"}}
