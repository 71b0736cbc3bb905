"""Which model a name means."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from conf.settings import Settings
from engine.errors import NodeFailed
from nodes.chat import ChatMessage, ChatRequest
from nodes.context import Http, Models
from tests.fakes.openai_server import openai_server
from tests.workers.egress.loopback import calling
from workers.http import NodeHttp
from workers.models.registry import ModelRegistry
from workers.models.scripted import MARK


async def first_words(models: Models, name: str) -> str:
    model = await models.chat(name)
    deltas = model.stream(ChatRequest((ChatMessage("user", "Who are you?"),)))
    return "".join([delta.text async for delta in deltas])


async def test_without_a_provider_the_default_is_the_scripted_model() -> None:
    async with calling() as egress:
        models = ModelRegistry.of(Settings(model_base_url=""), egress)
    assert (await first_words(models, "default")).startswith(MARK)
    assert models.names() == ("default", "scripted", "scripted:slow")


async def test_a_configured_provider_is_the_default_and_answers_to_its_own_name() -> None:
    async with openai_server() as server, calling(server.place) as egress:
        settings = Settings(model_base_url=server.base_url, model_name="echo", model_api_key=SecretStr("key"))
        models = ModelRegistry.of(settings, egress)
        for name in ("default", "echo"):
            assert await first_words(models, name) == "Who are you?"
        assert (await first_words(models, "scripted")).startswith(MARK)
        assert [asked.body["model"] for asked in server.asked] == ["echo", "echo"]
        await models.aclose()


async def test_an_unknown_name_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(NodeFailed, match="no model 'gpt-9'; there are: default, scripted, scripted:slow"):
        await ModelRegistry().chat("gpt-9")


async def test_the_guarded_client_serves_nodes() -> None:
    async with calling() as egress:
        http: Http = NodeHttp(egress)
        kind, body = http.multipart([("name", "李雷")])
        assert kind.startswith("multipart/form-data; boundary=")
        assert "李雷".encode() in body
