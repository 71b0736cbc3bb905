"""The plugin node, through the real egress client, against a server of tools on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from engine.error_numbers import number_of
from engine.errors import FlowError, InvalidInput, NodeFailed, NodeUnavailable, NotFound
from nodes.tools.plugin import plugin
from nodes.tools.plugin_call import PluginFailed, PluginUnauthorised, PluginUnavailable, origin_of
from storage.ports.plugins import CommonParameters, PluginAuth, PluginKey
from tests.fakes.tool_server import described, tools
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, canvas, end, node, start
from tests.nodes.kept_plugins import KeptPlugins
from tests.workers.egress.loopback import Asked, Server, calling, serving
from workers.http import NodeHttp

KEY = "kanarienvogel-0123456789"
SAID = {"type": "object", "properties": {"city": {"type": "string"}, "sky": {"type": "string"}, "rain": {}}}


@dataclass
class Tools:
    """A server of tools that is called, and the way to it."""

    server: Server
    world: NodeWorld

    @property
    def asked(self) -> Asked:
        return self.server.asked[-1]

    def keyed(self, auth: PluginAuth, key: str | None = KEY, *, origin: str = "", scheme: Any = None) -> None:
        """Describe the plugin again, now with a key."""
        document = described(self.server.url(""), scheme=scheme or {"type": "http", "scheme": "bearer"})
        self.world.plugins.add("tools", document, auth=auth)
        if key is not None:
            self.world.plugins.keys["tools"] = PluginKey(key, origin or origin_of(self.server.url()))

    async def call(self, tool: str, /, **arguments: Any) -> Any:
        self.world.settings = {"plugin": "tools", "tool": tool}
        return await plugin.run(arguments, self.world)

    async def refused(self, error: type[FlowError], tool: str, /, **arguments: Any) -> FlowError:
        with pytest.raises(error) as found:
            await self.call(tool, **arguments)
        return found.value


@pytest.fixture
async def there() -> AsyncIterator[Tools]:
    async with serving(tools) as server, calling(server, body_bytes=50_000) as egress:
        world = NodeWorld(http=NodeHttp(egress), plugins=KeptPlugins())
        world.plugins.add("tools", described(server.url("")))
        yield Tools(server, world)


# --- arguments --------------------------------------------------------------------------------------------------------


async def test_a_tool_is_called_and_its_answer_trimmed(there: Tools) -> None:
    assert await there.call("forecast", city="杭州", days="3") == {"city": "杭州", "days": 3, "sky": "雨"}
    assert (there.asked.method, there.asked.path) == ("GET", "/forecast/%E6%9D%AD%E5%B7%9E?days=3")
    assert there.asked.headers["accept"] == "application/json"
    assert "idempotency-key" not in there.asked.headers


async def test_a_body_has_its_defaults_and_what_nobody_may_give(there: Tools) -> None:
    answer = await there.call("order", item="茶", extras='["ice"]', channel="mine", unknown=1)
    assert answer == {"id": "o-1", "item": "茶", "count": 1, "extras": ["ice"], "channel": "canvas"}
    assert (there.asked.method, there.asked.headers["content-type"]) == ("POST", "application/json")
    assert there.world.warned == [
        "The tool order takes no channel: it is left out.", "The tool order takes no unknown: it is left out.",
    ]  # fmt: skip


async def test_a_call_that_changes_something_carries_the_key_of_its_step(there: Tools) -> None:
    await there.call("order", item="a")
    assert there.asked.headers["idempotency-key"] == "1/step"


async def test_a_form_is_urlencoded(there: Tools) -> None:
    assert (await there.call("echo_form", a="x&y", b=[1, 2]))["body"] == "a=x%26y&b=1&b=2"


async def test_files_of_a_form_are_fetched_and_sent(there: Tools) -> None:
    await there.call("photo", file=there.server.url("/picture.png"), note="图")
    assert there.asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="picture.png"' in there.asked.body
    assert b"\x89PNG" in there.asked.body


async def test_what_is_common_to_all_calls_is_sent(there: Tools) -> None:
    common = CommonParameters(header={"X-Team": "red"}, query={"lang": "zh"})
    there.world.plugins.add("tools", described(there.server.url("")), common=common)
    answer = await there.call("echo")
    assert (answer["headers"]["x-team"], answer["query"]) == ("red", {"lang": "zh"})


async def test_an_argument_that_does_not_fit_fails_before_anything_is_sent(there: Tools) -> None:
    error = await there.refused(InvalidInput, "forecast", city="a", days="soon")
    assert error.facts["field"] == "inputs.days"
    await there.refused(InvalidInput, "order")
    assert there.server.asked == []


async def test_a_tool_that_is_not_there_has_the_number_of_plugin_errors(there: Tools) -> None:
    error = await there.refused(NotFound, "nope")
    assert number_of(error.code, error.facts) == 720701004


# --- who asks ---------------------------------------------------------------------------------------------------------


async def test_a_key_is_sent_as_bearer(there: Tools) -> None:
    there.keyed(PluginAuth("bearer"))
    await there.call("forecast", city="a")
    assert there.asked.headers["authorization"] == f"Bearer {KEY}"


async def test_a_key_is_sent_in_a_header_or_in_the_query_in_the_place_of_what_else_has_its_name(there: Tools) -> None:
    there.keyed(PluginAuth("api_key", "header", "X-Key"))
    await there.call("forecast", city="a")
    assert there.asked.headers["x-key"] == KEY
    there.keyed(PluginAuth("api_key", "query", "days"))
    await there.call("forecast", city="a", days=3)
    assert there.asked.path == f"/forecast/a?days={KEY}"


async def test_a_tool_that_needs_no_key_gets_none(there: Tools) -> None:
    there.keyed(PluginAuth("bearer"))
    assert "authorization" not in (await there.call("open"))["headers"]


@pytest.mark.parametrize(
    ("auth", "key", "origin", "sentence"),
    [
        (PluginAuth("bearer"), None, "", "needs a key, and none was given"),
        (PluginAuth("oauth"), KEY, "", "needs the consent of its owner"),
        (PluginAuth("bearer"), KEY, "https://before.example.com:443", "given for another address"),
    ],
)
async def test_without_a_key_for_this_address_nothing_is_sent(
    there: Tools, auth: PluginAuth, key: str | None, origin: str, sentence: str
) -> None:
    there.keyed(auth, key, origin=origin)
    error = await there.refused(PluginUnauthorised, "forecast", city="a")
    assert sentence in error.message
    assert number_of(error.code, error.facts) == 777777765
    assert there.server.asked == []


async def test_a_plugin_without_a_key_has_its_vault_left_alone(there: Tools) -> None:
    await there.call("forecast", city="a")
    assert there.world.plugins.opened == []


@pytest.mark.parametrize("tool", ["echo", "answer"])
async def test_a_tool_that_shows_the_key_shows_it_to_nobody(there: Tools, tool: str) -> None:
    there.keyed(PluginAuth("api_key", "query", "key"))
    try:
        shown = json.dumps(await there.call(tool, **({"kind": "404"} if tool == "answer" else {})))
    except NodeFailed as error:
        shown = f"{error.message} {error.facts}"
    assert KEY in there.asked.path
    assert KEY not in shown


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 400, 401, 404, 418])
async def test_a_status_that_is_no_success_is_an_error_in_the_tools_words(there: Tools, status: int) -> None:
    error = await there.refused(PluginFailed, "answer", kind=str(status))
    assert error.message == f'tools/answer answered with the status {status}: {{"error": "because 因为"}}'
    assert number_of(error.code, error.facts) == 720701004
    assert error.facts["status"] == status
    assert not error.retryable


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_tool_is_worth_another_try_when_it_says(there: Tools, status: int) -> None:
    error = await there.refused(PluginUnavailable, "answer", kind=str(status))
    assert error.facts["retry_after"] == 7.0
    assert number_of(error.code, error.facts) == 720701004


async def test_what_a_tool_says_that_fails_is_cut(there: Tools) -> None:
    error = await there.refused(NodeUnavailable, "answer", kind="long")
    assert len(error.message) < 1_100


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("list", "must answer a JSON object, but it answered: [1, 2]"), ("text", "is no JSON: <html>")],
)
async def test_an_answer_that_is_no_object_fails(there: Tools, kind: str, sentence: str) -> None:
    error = await there.refused(PluginFailed, "answer", kind=kind)
    assert sentence in error.message
    assert number_of(error.code, error.facts) == 720701004


async def test_an_empty_answer_of_success_is_an_empty_object(there: Tools) -> None:
    assert await there.call("answer", kind="empty") == {}


async def test_values_of_another_type_become_their_default_or_null_with_a_warning(there: Tools) -> None:
    answer = await there.call("answer", kind="types")
    assert answer == {"city": '{"name":"杭州"}', "days": 0, "temperatures": [], "sky": "5"}
    assert [one.partition(" must")[0] for one in there.world.warned] == [
        "In the answer of tools/answer: days", "In the answer of tools/answer: temperatures",
    ]  # fmt: skip


async def test_an_answer_beyond_the_limit_fails(there: Tools) -> None:
    error = await there.refused(NodeFailed, "answer", kind="huge")
    assert error.code == "egress_too_large"
    assert number_of(error.code, error.facts) == 720701004


# --- where it may not call --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base_url",
    ["http://127.0.0.1:9", "http://169.254.169.254", "http://10.0.0.8", "http://[::1]:9", "http://localhost"],
)
async def test_a_plugin_may_not_be_anywhere_that_a_node_may_not_call(there: Tools, base_url: str) -> None:
    there.world.plugins.add("tools", described(base_url))
    error = await there.refused(NodeFailed, "forecast", city="a")
    assert error.message.startswith("This address may not be called from here;")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a.png", "http://169.254.169.254/latest"])
async def test_a_file_of_a_form_may_not_be_there_either(there: Tools, url: str) -> None:
    error = await there.refused(NodeFailed, "photo", file=url)
    assert error.code == "egress_refused"


async def test_a_tool_may_not_lead_there(there: Tools) -> None:
    error = await there.refused(NodeFailed, "answer", kind="metadata")
    assert error.code == "egress_refused"


async def test_the_key_stays_behind_when_a_tool_leads_to_another_origin() -> None:
    async def everywhere(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with serving(tools) as server:
        place = f"other.example.test:{server.port}"
        async with calling(server, place, resolve=everywhere) as egress:
            world = NodeWorld(http=NodeHttp(egress), plugins=KeptPlugins())
            there = Tools(server, world)
            there.keyed(PluginAuth("api_key", "header", "X-Own-Key"))
            await there.call("answer", kind="away")
    assert [one.headers.get("x-own-key") for one in server.asked] == [KEY, None]


# --- on a canvas ------------------------------------------------------------------------------------------------------


async def test_what_the_canvas_declares_is_there_also_when_the_tool_does_not_say_it(there: Tools) -> None:
    call = node(
        "call", "plugin", {"city": "=start.city"}, settings={"plugin": "tools", "tool": "forecast"}, outputs=SAID
    )
    drawn = canvas(
        start({"city": {"type": "string"}}),
        call,
        end({"sky": "=call.sky", "rain": "=call.rain"}),
        lines="start>call>end",
    )
    assert (await Walk(drawn, there.world).run({"city": "杭州"})).output == {"sky": "雨", "rain": None}


def test_origins_have_one_spelling() -> None:
    assert origin_of("HTTPS://API.example.com/v1") == "https://api.example.com:443"
    assert origin_of("http://a.example:8080") == "http://a.example:8080"
    assert origin_of("nonsense") == origin_of("http://a:99999") == ""
