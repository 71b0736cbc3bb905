"""A model behind a provider calls tools while its worker is killed with -9: what is counted outside comes once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine.draw import node
from tests.fakes.openai_server import ChatTalk, chunk, openai_server
from tests.fakes.talk import Asked
from tests.scenarios.drawing import Document, ask, begin, document, end
from tests.scenarios.endpoint import endpoint
from tests.scenarios.follower import fold, texts
from tests.scenarios.journey import Journey, publish
from tests.scenarios.system import System, running

ROUNDS = (
    [("note", {"text": "茶"}), ("note", {"text": "tea"})],
    [("colour", {}), ("note", {"text": "again"}), ("nothing", {})],
)
ANSWER = "红茶 it is."


@dataclass
class Provider:
    """The model: calls tools round by round, says something before the first, and answers in the end."""

    asked: Counter[int] = field(default_factory=Counter)
    """How often each turn was asked for."""
    held: dict[int, asyncio.Event] = field(default_factory=dict)
    """Turns that are not answered the first time, and whether they were asked for."""
    heard: list[str] = field(default_factory=list)
    """What the last turn was told by tools."""

    async def reply(self, asked: Asked, talk: ChatTalk) -> None:
        told = [message for message in asked.body["messages"] if message["role"] == "assistant"]
        turn = len(told)
        self.asked[turn] += 1
        if turn in self.held and self.asked[turn] == 1:
            self.held[turn].set()
            await asked.left.wait()
            return
        await talk.stream()
        if turn < len(ROUNDS):
            if turn == 0:
                await talk.text("Let me ")
                await talk.text("see.")
            for index, (name, arguments) in enumerate(ROUNDS[turn]):
                function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
                call = {"index": index, "id": f"call_{turn}_{index}", "type": "function", "function": function}
                await talk.event(chunk({"tool_calls": [call]}))
            await talk.done(reason="tool_calls")
            return
        self.heard = [str(message["content"]) for message in asked.body["messages"] if message["role"] == "tool"]
        for piece in ANSWER.split(" "):
            await talk.text(f"{piece} ")
        await talk.done()


def agent(note: str, colour: str, base: str) -> Document:
    """A model with two tools, whose answer is the run's."""
    tools: list[Document] = [
        {"kind": "workflow", "workflow": note, "name": "note", "fixed": {"base": base}, "hidden_results": ["secret"]},
        {"kind": "workflow", "workflow": colour, "name": "colour"},
    ]
    write = node("ask", "llm", {"prompt": "{{start.prompt}}", "model": "agent"}, settings={"tools": tools})
    told = node("end", "end", {}, settings={"mode": "answer", "answer": "> {{ask.output}}"})
    return document(begin(prompt="string"), write, told, lines="start>ask>end")


def note() -> Document:
    """A workflow that calls the endpoint, and says something to nobody."""
    inputs = {"url": "{{start.base}}/say", "method": "POST", "body_type": "raw_text", "body": "{{start.text}}"}
    return document(
        begin(text="string", base="string"),
        node("say", "http_request", inputs),
        node("tell", "message", settings={"content": "Nobody hears this."}),
        end(said="=say.body", secret="hush"),
        lines="start>say>tell>end",
    )


def colour() -> Document:
    """A workflow that asks a person."""
    return document(begin(), ask("q", "Which colour?"), end(colour="=q.answer"), lines="start>q>end")


async def die(system: System) -> None:
    """The worker dies, and another one starts."""
    await system.kill("worker")
    system.spawn("worker")


async def test_neither_turns_nor_tools_that_are_done_come_again(tmp_path: Path) -> None:
    provider = Provider(held={0: asyncio.Event(), 2: asyncio.Event()})
    async with openai_server() as server, endpoint() as out:
        server.behaviours["agent"] = provider.reply
        settings = {
            "MAINSPRING_EGRESS_ALLOW": f"{server.place},{out.place}",
            "MAINSPRING_MODEL_BASE_URL": server.base_url,
            "MAINSPRING_MODEL_NAME": "agent",
            "MAINSPRING_MODEL_API_KEY": "sk-x",
        }
        async with running(tmp_path, settings) as system:
            client = system.client
            noting, asking = await publish(client, "note", note()), await publish(client, "colour", colour())
            await publish(client, "agent", agent(noting, asking, out.url))
            gate = out.hold("ask/tools[1.0]/say")
            journey = await Journey.begin(client, "agent", {"prompt": "Which tea?"}, {"ask/tools[2.0]/q": "red"})
            journey.held["ask/tools[2.0]/q"] = asyncio.Event()
            follower = journey.follower
            async with asyncio.timeout(120):
                # In the first turn.
                await provider.held[0].wait()
                await die(system)
                # In a tool, while another one of the same turn is done.
                await gate.arrived.wait()
                assert await follower.until(lambda: follower.seen("ask/tools[1.1]:succeeded"), 60)
                await die(system)
                gate.opened.set()
                # While a person is asked.
                assert await follower.until(lambda: follower.seen("ask/tools[2.0]/q:wait:opened"), 60)
                assert await follower.until(lambda: follower.seen("ask/tools[2.1]:succeeded"), 60)
                await die(system)
                journey.held["ask/tools[2.0]/q"].set()
                # In the last turn.
                await provider.held[2].wait()
                await die(system)
            ended = await journey.finish()
            records = await journey.records()
            spent = (await journey.run())["usage"]
    assert ended["data"]["answer"] == f"> {ANSWER} "
    assert provider.asked == {0: 2, 1: 1, 2: 2}
    assert {path: times for path, times in out.counted(journey.run_id).items() if path} == {
        "ask/tools[1.0]/say": 2,
        "ask/tools[1.1]/say": 1,
        "ask/tools[2.1]/say": 1,
    }
    assert [json.loads(told) for told in (*provider.heard[:3], provider.heard[3])] == [
        {"said": '{"heard": "茶"}'},
        {"said": '{"heard": "tea"}'},
        {"colour": "red"},
        {"said": '{"heard": "again"}'},
    ]
    assert provider.heard[4] == "The tool failed: There is no tool nothing; there are: note, colour."
    _check_records(records, follower.events)
    # Of the turns whose answers came.
    assert spent["output_tokens"] == 3 * 3


def _check_records(records: dict[str, Document], events: list[dict[str, Any]]) -> None:
    calls = records["ask"]["details"]["tool_calls"]
    assert [one["name"] for one in calls] == ["note", "note", "colour", "note", "nothing"]
    assert records["ask/tools[1.0]"]["node_type"] == "tool"
    assert records["ask/tools[2.2]"]["handled"] == "model"
    assert {path: one["state"] for path, one in fold(events).items()} == {
        path: one["state"] for path, one in records.items()
    }
    # One message: the answer, and of what the model said before its calls nothing is left in it.
    made, whole = texts(events)
    assert made == whole == {"end": f"> {ANSWER} "}
