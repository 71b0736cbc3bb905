"""A model behind a server that breaks off, stalls and answers: what a reader of the run is left with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.engine.draw import node
from tests.fakes.openai_behaviours import BEHAVIOURS
from tests.fakes.openai_server import ChatTalk, OpenAIServer, openai_server, prompt_of
from tests.fakes.talk import Asked
from tests.scenarios.drawing import Document, begin, document
from tests.scenarios.follower import texts
from tests.scenarios.journey import Journey, publish
from tests.scenarios.system import WHOLE, System, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = "河水 flows down to the sea"


@dataclass
class Shore:
    """A system, and the model of its settings, which does what the first word of a prompt says."""

    system: System
    server: OpenAIServer


async def as_told(asked: Asked, talk: ChatTalk) -> None:
    """`cuts` breaks off, `stalls` falls silent, anything else is said back; `cuts-once` is cut the first time alone."""
    word, _, rest = prompt_of(asked).partition(" ")
    await talk.stream()
    if word in ("cuts", "cuts-once", "stalls"):
        await talk.text("This was ")
        await talk.text("lost.")
    if word == "stalls":
        await talk.stall()
    elif word == "cuts" or (word == "cuts-once" and word not in seen):
        seen.add(word)
        await asyncio.sleep(0.1)  # Longer than pieces are gathered for: readers have seen them.
        talk.cut()
    else:
        for piece in (rest or word).split(" "):
            await talk.text(f"{piece} ")
        await talk.done()


seen: set[str] = set()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shore(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shore]:
    async with openai_server() as server:
        server.behaviours["told"] = as_told
        settings = {
            "MAINSPRING_EGRESS_ALLOW": server.place,
            "MAINSPRING_MODEL_BASE_URL": server.base_url,
            "MAINSPRING_MODEL_NAME": "told",
            "MAINSPRING_MODEL_API_KEY": "sk-canary",
        }
        async with running(tmp_path_factory.mktemp("shore"), settings, WHOLE) as system:
            yield Shore(system, server)


def asking(**inputs: object) -> Document:
    """A canvas that asks a model, and answers with what it says."""
    write = node("write", "llm", {"prompt": "{{start.prompt}}", **inputs})
    told = node("end", "end", {}, settings={"mode": "answer", "answer": "> {{write.output}}"})
    return document(begin(prompt="string"), write, told, lines="start>write>end")


async def test_a_reader_is_left_with_the_pieces_of_the_last_attempt_alone(shore: Shore) -> None:
    client = shore.system.client
    await publish(client, "once-cut", asking(model="told"))
    journey = await Journey.begin(client, "once-cut", {"prompt": f"cuts-once {ANSWER}"})
    ended = await journey.finish()
    assert ended["data"]["answer"] == f"> This was lost.{ANSWER} "
    pieces = [event["data"]["text"] for event in journey.follower.events if event["type"] == "step.delta"]
    assert "".join(pieces) == f"This was lost.This was lost.{ANSWER} "
    made, whole = texts(journey.follower.events)
    assert made == whole == {"end": ended["data"]["answer"]}
    records = await journey.records()
    assert (records["write"]["attempt"], records["write"]["usage"]["output_tokens"]) == (2, 3)


async def test_the_next_model_of_a_chain_answers_and_the_record_tells_so(shore: Shore) -> None:
    client = shore.system.client
    await publish(client, "chain", asking(model="nobody", fallback_models=["scripted", "default"]))
    journey = await Journey.begin(client, "chain", {"prompt": f"{ANSWER}\ncut: 3"})
    ended = await journey.finish()
    assert ended["data"]["answer"].startswith("> flows down")
    made, whole = texts(journey.follower.events)
    assert made == whole == {"end": ended["data"]["answer"]}
    retried = [event["data"] for event in journey.follower.events if event["type"] == "step.retried"]
    assert [(one["delay_ms"], one["error"]["facts"]["next_model"]) for one in retried] == [
        (0, "scripted"),
        (0, "default"),
    ]
    (warning,) = (await journey.records())["write"]["warnings"]
    assert warning.startswith("The fallback model default answered, because scripted did not")


async def test_a_cancelled_run_ends_the_answer_at_the_provider(shore: Shore) -> None:
    client = shore.system.client
    await publish(client, "stalled", asking(model="told"))
    journey = await Journey.begin(client, "stalled", {"prompt": "stalls"})
    await journey.follower.until(lambda: any(one["type"] == "step.delta" for one in journey.follower.events), 20)
    asked = shore.server.asked[-1]
    assert not asked.left.is_set()
    await client.post(f"/runs/{journey.run_id}/cancel", json={})
    async with asyncio.timeout(20):
        await asked.left.wait()
    assert (await journey.finish())["type"] == "run.cancelled"


async def test_the_key_is_nowhere_but_in_the_question(shore: Shore) -> None:
    client = shore.system.client
    shore.server.behaviours["told"] = BEHAVIOURS["gossip"]
    try:
        await publish(client, "gossip", asking(model="told"))
        journey = await Journey.begin(client, "gossip", {"prompt": "x"})
        ended = await journey.finish()
    finally:
        shore.server.behaviours["told"] = as_told
    assert "Incorrect API key provided: •••" in ended["data"]["error"]["message"]
    told = [journey.follower.events, await journey.run(), await journey.records(), shore.system.log("up")]
    assert "sk-canary" not in repr(told)


async def test_a_nested_stream_is_right_in_the_end_although_the_worker_was_killed_in_the_middle(tmp_path: Path) -> None:
    async def slowly(asked: Asked, talk: ChatTalk) -> None:
        await talk.stream()
        for word in ANSWER.split(" ") * 8:
            await asyncio.sleep(0.05)
            await talk.text(f"{word} ")
        await talk.done()

    async with openai_server() as server:
        server.behaviours["told"] = slowly
        settings = {
            "MAINSPRING_EGRESS_ALLOW": server.place,
            "MAINSPRING_MODEL_BASE_URL": server.base_url,
            "MAINSPRING_MODEL_NAME": "told",
            "MAINSPRING_MODEL_API_KEY": "sk-canary",
        }
        async with running(tmp_path, settings) as system:
            client = system.client
            child = await publish(client, "inner", asking(model="told"))
            call = node("sub", "subworkflow", {"prompt": "=start.prompt"}, settings={"workflow": child})
            told = node("end", "end", {}, settings={"mode": "answer", "answer": "It says {{sub.output}}."})
            await publish(client, "outer", document(begin(prompt="string"), call, told, lines="start>sub>end"))
            journey = await Journey.begin(client, "outer", {"prompt": "x"})
            events = journey.follower.events

            def heard() -> bool:
                told = [one for one in events if one["type"] == "message.delta" and one["path"] == "end"]
                return len(told) >= 4

            await journey.follower.until(heard, 30)
            await system.kill("worker")
            await system.start("worker")
            ended = await journey.finish()
            assert ended["data"]["answer"] == f"It says > {(ANSWER + ' ') * 8}."
            made, whole = texts(events)
            assert made == whole == {"sub/end": f"> {(ANSWER + ' ') * 8}", "end": ended["data"]["answer"]}
            assert any(one["type"] == "step.retried" and one["path"] == "sub/write" for one in events)
            assert len(server.asked) == 2
