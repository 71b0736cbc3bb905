"""Every place that takes a URL and calls it goes through the one guard: none leads to this machine, or inside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from engine.errors import FlowError, NodeFailed
from nodes.chat import ChatMessage, ChatRequest, MediaPart, TextPart
from nodes.data.read_document import read_document
from nodes.documents import fetch_file
from nodes.knowledge.knowledge_write import knowledge_write
from nodes.probe import ModelOnTrial
from nodes.surface import ActivityNode
from nodes.tools.http_request import http_request
from nodes.tools.plugin import plugin
from tests.fakes.tool_server import described
from tests.nodes.context import NodeWorld
from tests.nodes.kept_plugins import KeptPlugins
from tests.workers.egress.corpus import REFUSED, resolve
from tests.workers.egress.loopback import Nowhere, calling, redirect, reply, serving
from workers.egress import EgressClient, EgressPolicy, EgressRefused
from workers.http import NodeHttp
from workers.models.adapters import chat_adapter, embedding_adapter, rerank_adapter
from workers.models.layers.media import WithMedia
from workers.models.probe import LiveProbe
from workers.models.provider import ModelConnection, ProviderName
from workers.tool_trial import LiveTools

Door = Callable[[str, EgressClient], Awaitable[None]]
"""Makes whoever takes a URL call this one, and raises what comes of it."""

ASKED: Final = ChatRequest(messages=(ChatMessage("user", "Hello?"),))


def with_node(node: ActivityNode[Any], inputs: Callable[[str], dict[str, Any]], **settings: Any) -> Door:
    """A node type, and how a URL gets into its inputs."""

    async def door(url: str, egress: EgressClient) -> None:
        world = NodeWorld(http=NodeHttp(egress), settings=settings)
        await node.run(inputs(url), world)

    return door


def plugin_world(egress: EgressClient, base_url: str) -> NodeWorld:
    world = NodeWorld(http=NodeHttp(egress), plugins=KeptPlugins())
    world.plugins.add("tools", described(base_url))
    return world


async def plugin_address(url: str, egress: EgressClient) -> None:
    world = plugin_world(egress, url)
    world.settings = {"plugin": "tools", "tool": "echo"}
    await plugin.run({}, world)


async def plugin_file(url: str, egress: EgressClient) -> None:
    world = plugin_world(egress, "https://tools.example.test")
    world.settings = {"plugin": "tools", "tool": "photo"}
    await plugin.run({"file": url}, world)


async def plugin_on_trial(url: str, egress: EgressClient) -> None:
    world = plugin_world(egress, url)
    tool = await world.plugins.tool("1", "2", "tools", "echo")
    called = await LiveTools(lambda: egress).call(tool, None, {}, "key")
    if not called.ok:
        raise (EgressRefused if called.code == "egress_refused" else NodeFailed)(called.message)


async def document_by_url(url: str, egress: EgressClient) -> None:
    await fetch_file(NodeHttp(egress), url)


async def model_on_trial(url: str, egress: EgressClient) -> None:
    tried = await LiveProbe(lambda: egress).try_model(ModelOnTrial("chat", "openai_compatible", "echo", url, "key"))
    if not tried.ok:
        raise (EgressRefused if tried.reason == "egress" else NodeFailed)(tried.message)


def chat(provider: ProviderName) -> Door:
    async def door(url: str, egress: EgressClient) -> None:
        model = chat_adapter(ModelConnection(provider, "echo", url, "key"), egress)
        try:
            async for _ in model.stream(ASKED):
                pass
        finally:
            await model.aclose()

    return door


def embedding(provider: ProviderName) -> Door:
    async def door(url: str, egress: EgressClient) -> None:
        model = embedding_adapter(ModelConnection(provider, "echo", url, "key"), egress)
        try:
            await model.embed(["text"])
        finally:
            await model.aclose()

    return door


async def ranking(url: str, egress: EgressClient) -> None:
    model = rerank_adapter(ModelConnection("openai_compatible", "echo", url, "key"), egress)
    await model.rerank("question", ["a", "b"], top=1)


@dataclass
class Silent:
    """A chat model that says nothing."""

    async def stream(self, request: ChatRequest) -> Any:
        return
        yield


async def media(url: str, egress: EgressClient) -> None:
    model = WithMedia(Silent(), "seer", egress, how="inline", largest=1_000)
    question = ChatMessage("user", (TextPart("What is this?"), MediaPart("image", url=url)))
    async for _ in model.stream(ChatRequest(messages=(question,))):
        pass


NODES: Final[dict[str, Door]] = {
    "http request": with_node(http_request, lambda url: {"url": url}),
    "http request, file of a form": with_node(
        http_request,
        lambda url: {
            "url": "https://a.example.test/", "method": "POST", "body_type": "form_data",
            "body": [{"name": "f", "file_url": url}],
        },
    ),
    "http request, binary": with_node(
        http_request,
        lambda url: {"url": "https://a.example.test/", "method": "POST", "body_type": "binary", "body": url},
    ),
    "document": with_node(read_document, lambda url: {"url": url}),
    "knowledge write": with_node(knowledge_write, lambda url: {"knowledge": url}, base="1"),
    "document by URL over HTTP": document_by_url,
    "plugin": plugin_address,
    "plugin, file of a form": plugin_file,
    "plugin on trial": plugin_on_trial,
    "media for a model": media,
}  # fmt: skip
MODELS: Final[dict[str, Door]] = {
    "model of OpenAI's protocol": chat("openai_compatible"),
    "model of Anthropic's": chat("anthropic"),
    "model of Google's": chat("gemini"),
    "embeddings": embedding("openai_compatible"),
    "embeddings of Google's": embedding("gemini"),
    "ranking": ranking,
    "model on trial": model_on_trial,
}
DOORS: Final = {**NODES, **MODELS}


@pytest.mark.parametrize("name", DOORS)
async def test_no_door_leads_inside(name: str) -> None:
    network = Nowhere()
    egress = EgressClient(EgressPolicy(), resolve=resolve, network=network)
    # SDKs take their time: a part of the corpus for each, the whole for the rest.
    urls = REFUSED if name in NODES else REFUSED[::8]
    let_through: list[str] = []
    try:
        for url in urls:
            try:
                await DOORS[name](url, egress)
                let_through.append(url)
            except EgressRefused:
                continue
            except FlowError as error:
                # Some SDKs do not get as far as a call with what they take for no URL.
                if name in MODELS and error.facts.get("reason", "bad_request") == "bad_request":
                    continue
                let_through.append(f"{url}: {error!r}")
    finally:
        await egress.aclose()
    assert let_through == []
    assert network.called == []


@pytest.mark.parametrize("name", DOORS)
async def test_no_door_is_led_inside(name: str) -> None:
    """The place outside is allowed; where it leads, which is on this machine or a metadata service, is not."""
    leads = [""]
    async with (
        serving(lambda asked: reply(200, b"{}")) as inside,
        serving(lambda asked: redirect(leads[0])) as outside,
        calling(outside) as egress,
    ):
        for leads[0] in (inside.url("/"), "http://169.254.169.254/latest/", "http://10.0.0.8/", "http://[::1]/"):
            asked = len(outside.asked)
            with pytest.raises(FlowError):
                await DOORS[name](outside.url("/v1"), egress)
            assert len(outside.asked) > asked
        assert inside.connections == 0
