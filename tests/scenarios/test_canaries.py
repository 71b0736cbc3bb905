"""What is secret stays where it belongs: every store and channel is searched for secrets that can be recognised."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from tests.engine.draw import node
from tests.fakes.openai_server import OpenAIServer, openai_server
from tests.fakes.tool_server import described, tools
from tests.scenarios.canaries import Canary, Sightings
from tests.scenarios.drawing import Document, begin, document, end
from tests.scenarios.endpoint import Endpoint, endpoint
from tests.scenarios.journey import Journey, publish
from tests.scenarios.system import ROOT, WHOLE, System, running
from tests.workers.egress.loopback import Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL_KEY: Final = Canary("model key")
HEADER: Final = Canary("model header")
PLUGIN_KEY: Final = Canary("plugin key")
SETTINGS_KEY: Final = Canary("key in the settings")
BEARER: Final = Canary("bearer")
INPUT: Final = Canary("input")
ANSWER: Final = Canary("answer")
CANARIES: Final = (MODEL_KEY, HEADER, PLUGIN_KEY, SETTINGS_KEY, BEARER, INPUT, ANSWER)

RUN_PLACES: Final = {"database", "events", "run", "mainspring show"}
"""Where the inputs of a run may be read by those who may see the run."""


@dataclass
class Searched:
    """A system in which runs with canaries were made, and everything that was seen of them."""

    sightings: Sightings
    models: OpenAIServer
    out: Endpoint
    tools: Server
    states: list[str]
    calls: dict[str, tuple[int, int]]
    """How often each model was called by runs, and how often in vain."""


CODE: Final = """
async def main(args):
    print("heard of", args.params["name"])
    if args.params["fail"]:
        raise ValueError("not for " + args.params["name"])
    return {"output": args.params["name"][::-1]}
"""
ECHO: Final = {"type": "object", "properties": {"query": {"type": "object"}}}
TEXT: Final = {"type": "object", "properties": {"output": {"type": "string"}}}


def canvas(child: str) -> Document:
    """Every node that handles a secret or an input, and every way for a value to travel."""
    call = {"url": "{{start.base}}/say", "method": "POST", "body_type": "raw_text", "body": "=write.output"}
    bearer = {"kind": "bearer", "token": BEARER.text}
    longer = {"left": {"ref": ["start", "name"]}, "operator": "length_greater", "right": {"value": 3}}
    instead = {"policy": "default", "default": {"output": "nothing"}}
    echo = {"settings": {"plugin": "tools", "tool": "echo"}, "outputs": ECHO}
    failing_tool = {"settings": {"plugin": "tools", "tool": "answer"}, "outputs": TEXT, "on_error": instead}
    turn = node("turn", "llm", {"model": "writer", "prompt": "{{item}}"})
    return document(
        begin(name="string", base="string", items="array"),
        node("greet", "text_concat", {"template": "Hello {{name}}", "name": "=start.name"}),
        node("long", "condition", settings={"cases": [{"port": "yes", "comparisons": [longer]}]}),
        node("ask", "question", {"question": "Who is {{start.name}}?"}),
        node("write", "llm", {"model": "writer", "prompt": "{{greet.output}}: {{ask.answer}}"}),
        node("settings", "llm", {"model": "gossip", "prompt": "{{greet.output}}"}, on_error=instead),
        node("gossip", "llm", {"model": "telltale", "prompt": "{{greet.output}}"}, on_error=instead),
        node("call", "http_request", {**call, "auth": bearer}),
        node("tool", "plugin", {}, **echo),
        node("blab", "plugin", {"kind": "404"}, **failing_tool),
        node("note", "assign_variables", {"name": "=start.name"}, settings={"scopes": {"name": "app"}}),
        node("each", "batch", {"items": "=start.items", "concurrency": 2}, blocks=[turn], lines="each>turn>each",
             results={"said": "=turn.output"}),
        node("child", "subworkflow", {"name": "=start.name"}, settings={"workflow": child}),
        node("code", "code", {"name": "=start.name", "fail": False}, settings={"source": CODE}, outputs=TEXT),
        node("trip", "code", {"name": "=start.name", "fail": True}, settings={"source": CODE}, outputs=TEXT,
             on_error=instead),
        node("text", "text_template", {"name": "=start.name"}, settings={"template": "{{ name }}, {{ name }}"}),
        node("pause", "delay", {"seconds": 0.1}),
        end(text="=write.output", heard="=call.body", said="=each.said"),
        lines="start>greet>long long:otherwise>end long:yes>ask>write>settings>gossip>call>tool>blab>note>each"
        " each>child>code>trip>text>pause>end",
    )  # fmt: skip


def inner() -> Document:
    """The sub-workflow: it fails in the end, with the input in its error."""
    return document(
        begin(name="string"),
        node("break", "llm", {"model": "scripted", "prompt": "fail: not for {{start.name}}"},
             on_error={"policy": "default", "default": {"output": ""}}),
        node("wait", "delay", {"seconds": 0.1}),
        end(text="=break.output"),
        lines="start>break>wait>end",
    )  # fmt: skip


def failing() -> Document:
    """A run that fails because of a model that repeats its key in its refusal."""
    return document(
        begin(name="string"),
        node("gossip", "llm", {"model": "telltale", "prompt": "{{start.name}}"}),
        end(text="=gossip.output"),
        lines="start>gossip>end",
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def searched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Searched]:
    """Make the runs, and look everywhere: while all is up, and once more at what is left in the files."""
    folder = tmp_path_factory.mktemp("canaries")
    sightings = Sightings(CANARIES)
    async with openai_server() as models, endpoint() as out, serving(tools) as shop:
        settings = {
            "MAINSPRING_EGRESS_ALLOW": f"{out.place},{models.place},{shop.place}",
            "MAINSPRING_LOG_LEVEL": "debug",
            "MAINSPRING_MODEL_BASE_URL": models.base_url,
            "MAINSPRING_MODEL_NAME": "gossip",
            "MAINSPRING_MODEL_API_KEY": SETTINGS_KEY.text,
        }
        async with running(folder, settings, WHOLE) as system:
            runs = await make_runs(system, models, out, shop)
            states = [str((await one.run())["state"]) for one in runs]
            usage = (await system.client.get("/usage", params={"by": "model"})).json()["items"]
            calls = {str(one["model"]): (int(one["calls"]), int(one["failed"])) for one in usage}
            sightings.processes(system.pid("up"))
            await look_at_answers(sightings, system, [one.run_id for one in runs])
            await look_at_shown(sightings, system, [one.run_id for one in runs])
            await sightings.histories(system.temporal)
            sightings.files(folder)
        sightings.files(folder)
        yield Searched(sightings, models, out, shop, states, calls)


async def make_runs(system: System, models: OpenAIServer, out: Endpoint, shop: Server) -> list[Journey]:
    """Set the models up and run everything."""
    client = system.client
    for key, vendor_model in (("writer", "echo"), ("telltale", "gossip")):
        model = {
            "key": key,
            "title": key,
            "kind": "chat",
            "provider": "openai_compatible",
            "vendor_model": vendor_model,
            "base_url": models.base_url,
            "api_key": MODEL_KEY.text,
            "headers": {"x-gate": HEADER.text},
            "test": key == "writer",
        }
        saved = await client.post("/models", json=model)
        assert saved.status_code == 201, saved.text
        assert MODEL_KEY.text not in saved.text
    refused = await client.post("/models/test", json={**model, "key": "another"})
    assert "Incorrect API key" in refused.text
    assert MODEL_KEY.text not in refused.text
    await make_plugin(system, shop)
    child = await publish(client, "canary-child", inner())
    await publish(client, "canary", canvas(child))
    await publish(client, "canary-fails", failing())
    inputs = {"name": INPUT.text, "base": out.url, "items": [INPUT.text, "two"]}
    made = [
        await Journey.begin(client, "canary", inputs, {"ask": ANSWER.text}),
        await Journey.begin(client, "canary-fails", {"name": INPUT.text}),
    ]
    for journey in made:
        await journey.finish()
    # This one waits, and is cancelled.
    waiting = await Journey.begin(client, "canary", inputs)
    await waiting.follower.until(lambda: waiting.follower.seen("ask:wait:opened"), 30)
    assert (await client.post(f"/runs/{waiting.run_id}/cancel")).status_code < 300
    await waiting.finish()
    return [*made, waiting]


async def make_plugin(system: System, shop: Server) -> None:
    """A plugin whose tools show what they are sent; its key in the query, where URLs are shown."""
    client = system.client
    document = described(shop.url(""), scheme={"type": "apiKey", "in": "query", "name": "key"})
    made = await client.post("/plugins", json={"document": document, "key": "tools"})
    assert made.status_code == 201, made.text
    kept = await client.put("/plugins/tools/credentials", json={"key": PLUGIN_KEY.text})
    assert kept.json() == {"set": True, "last4": PLUGIN_KEY.text[-4:]}
    assert (await client.post("/plugins/tools/versions", json={})).status_code == 201
    for tool, arguments in (("echo", {}), ("answer", {"kind": "404"})):
        called = await client.post(f"/plugins/tools/tools/{tool}/call", json={"arguments": arguments})
        assert called.status_code == 200, called.text
        assert PLUGIN_KEY.text not in called.text


async def look_at_answers(sightings: Sightings, system: System, runs: list[str]) -> None:
    """Everything that can be read through the API, by its own description."""
    client = system.client
    described = (await client.get("/openapi.json")).json()
    listed = {
        one: [str(item["id"]) for item in (await client.get(f"/{one}")).json()["items"]]
        for one in ("workflows", "organisations", "spaces", "accounts", "tokens")
    }
    audited = (await client.get("/audit")).json()["items"]
    assert audited
    values = {
        "workflow": ["canary", "canary-fails", "canary-child"],
        "workflow_id": listed["workflows"],
        "execute_id": runs,
        "organisation": listed["organisations"],
        "space": listed["spaces"],
        "workspace_id": listed["spaces"],
        "account": listed["accounts"],
        "token": listed["tokens"],
        "event": [str(one["id"]) for one in audited],
        "version": ["v0.0.1"],
        "run_id": runs,
        "model": ["writer", "telltale"],
        "plugin": ["tools"],
        # What this test makes none of: it is not found, and says nothing.
        **{name: ["1"] for name in _NONE_OF},
        "node": ["ask", "tool"],
        "name": ["llm"],
        "sha": ["0" * 64],
    }
    reads = [path for path, ways in described["paths"].items() if "get" in ways]
    assert len(reads) > 15
    for path in reads:
        for url in _filled(path, values):
            reply = await client.get(f"{system.url}{url}", timeout=20)
            place = next((name for part, name in _ANSWERS if part in path), "API")
            sightings.look(place, reply.content)
            sightings.look("API headers", str(reply.headers))
    for by in ("day", "model", "node", "workflow", "run"):
        usage = await client.get("/usage", params={"by": by})
        assert usage.status_code == 200, usage.text
        sightings.look("API", usage.content)


_NONE_OF: Final = (
    "app", "base", "conversation", "conversation_id", "database", "department", "document", "employee", "file",
    "folder", "node_execute_uuid", "role", "variable",
)  # fmt: skip
_ANSWERS: Final = (
    ("/last-inputs", "run"),
    ("/events", "events"),
    ("/runs", "run"),
    ("/run_histories", "run"),
    ("/get_run_history", "run"),
    ("/draft", "canvas"),
    ("/versions", "canvas"),
    ("/workflows/{workflow}", "canvas"),
)


def _filled(path: str, values: dict[str, list[str]]) -> list[str]:
    made = [path]
    for name, given in values.items():
        made = [
            one.replace(f"{{{name}}}", value) for one in made for value in (given if f"{{{name}}}" in one else [""])
        ]
    assert not any("{" in one for one in made), f"say here what {path} is to be asked for"
    return made


async def look_at_shown(sightings: Sightings, system: System, runs: list[str]) -> None:
    """What the command line shows of runs and models."""
    commands = [["show", run, "--data-dir", str(system.data)] for run in runs]
    for command in commands:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli.main", *command,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        shown, _ = await process.communicate()
        assert process.returncode == 0, shown.decode()
        sightings.look("mainspring show", shown)


async def test_the_runs_did_what_they_were_to_do(searched: Searched) -> None:
    assert searched.states == ["succeeded", "failed", "cancelled"]
    keys = {asked.headers["authorization"].removeprefix("Bearer ") for asked in searched.models.asked}
    assert keys == {MODEL_KEY.text, SETTINGS_KEY.text}
    assert {asked.headers.get("x-gate") for asked in searched.models.asked} >= {HEADER.text}
    assert {parse_qs(urlsplit(asked.path).query)["key"][0] for asked in searched.tools.asked} == {PLUGIN_KEY.text}
    assert len(searched.tools.asked) == 4
    assert searched.calls == {"writer": (3, 0), "telltale": (2, 2), "gossip": (1, 1)}
    assert any(INPUT.text in json.dumps(asked.body) for asked in searched.models.asked)


async def test_every_place_was_looked_at_and_what_is_there_is_found(searched: Searched) -> None:
    looked = searched.sightings.looked_at
    everywhere = {
        "database", "Temporal's database", "logs", "histories", "events", "run", "canvas", "API", "mainspring show",
        "arguments of process", "environment of process", "arguments of child processes",
    }  # fmt: skip
    assert {place for place in everywhere if looked.get(place, 0) == 0} == set()
    assert searched.sightings.places("input") >= RUN_PLACES
    assert searched.sightings.places("key in the settings") == {"environment of process"}
    assert "database" in searched.sightings.places("bearer")


async def test_the_key_of_a_model_is_nowhere_in_clear(searched: Searched) -> None:
    assert searched.sightings.places("model key") == set()
    assert searched.sightings.places("model header") == set()


async def test_the_key_of_a_plugin_is_nowhere_in_clear(searched: Searched) -> None:
    assert searched.sightings.places("plugin key") == set()


async def test_a_token_in_a_canvas_is_in_the_canvas_alone(searched: Searched) -> None:
    assert searched.sightings.places("bearer") <= {"database", "canvas"}


@pytest.mark.parametrize("kind", ["input", "answer"])
async def test_what_people_say_is_where_the_run_is_read_and_nowhere_else(searched: Searched, kind: str) -> None:
    assert searched.sightings.places(kind) - RUN_PLACES == set()


async def test_without_encryption_the_input_would_be_found_in_temporal(tmp_path: Path) -> None:
    """The control: the search that finds nothing above finds what is there."""
    shown = document(begin(name="string"), node("pause", "delay", {"seconds": 0.1}), end(name="=start.name"),
                     lines="start>pause>end")  # fmt: skip
    sightings = Sightings((INPUT,))
    async with running(tmp_path, {"MAINSPRING_ENCRYPT_PAYLOADS": "false"}, WHOLE) as system:
        await publish(system.client, "shown", shown)
        await (await Journey.begin(system.client, "shown", {"name": INPUT.text})).finish()
        await sightings.histories(system.temporal)
    sightings.files(tmp_path)
    assert sightings.places("input") >= {"histories", "Temporal's database", "database"}
