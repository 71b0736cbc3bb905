"""Which model a name means for whom, and what stands between a node and its provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from conf.settings import Settings
from engine.runtime import RunContext
from engine.values import Json
from nodes.chat import ChatMessage, ChatOptions, ChatRequest, MediaPart, ModelFailed, ModelUnavailable, TextPart
from nodes.context import Http, Models
from storage.ledger import Which
from storage.model_secret import ModelSecret
from storage.models import SECRET_KIND, ModelSettings
from storage.stores import Stores
from tests.fakes.openai_server import OpenAIServer, openai_server
from tests.workers.egress.loopback import Asked, calling, reply, serving
from workers.egress import EgressClient
from workers.http import NodeHttp
from workers.models.directory import FRESH
from workers.models.registry import ModelRegistry, ModelStores
from workers.models.scripted import MARK
from workers.models.source import CallSite

RUN = RunContext(run_id="100", org_id="10", space_id="20", workflow_id="30", version="v1", plan_hash="")
SITE = CallSite(RUN, "ask", "ask", attempt=1, delivery=1)
KEY = "sk-registry-0123456789"


async def first_words(models: Models, name: str, **wishes: Any) -> str:
    model = await models.chat(name)
    deltas = model.stream(ChatRequest((ChatMessage("user", "Who are you?"),), ChatOptions(**wishes)))
    return "".join([delta.text async for delta in deltas])


@asynccontextmanager
async def registry(stores: Stores, egress: EgressClient, **settings: Any) -> AsyncIterator[ModelRegistry]:
    kept = ModelStores(stores.models, stores.secrets, stores.throttle, stores.ledger)
    made = ModelRegistry(egress, kept, settings=Settings(**settings))
    try:
        yield made
    finally:
        await made.aclose()


async def add(stores: Stores, server: OpenAIServer, key: str, org: int = 10, **more: Any) -> Any:
    """A model of an organisation, or with 0 of the instance, with a key of its own."""
    secret = await stores.secrets.put("" if org == 0 else str(org), SECRET_KIND, ModelSecret(f"{KEY}-{key}").to_text())
    settings = ModelSettings(
        **{
            "key": key,
            "title": key,
            "kind": "chat",
            "provider": "openai_compatible",
            "vendor_model": "echo",
            "base_url": server.base_url,
            "secret_id": int(secret),
            **more,
        }
    )
    rows = stores.instance_models() if org == 0 else stores.models(org)
    return await rows.create(settings)


def keys(server: OpenAIServer) -> list[str]:
    return [asked.headers["authorization"].rpartition("-")[2] for asked in server.asked]


async def test_without_anything_the_default_is_the_scripted_model() -> None:
    models = ModelRegistry().at(SITE)
    for name in ("default", "scripted"):
        assert (await first_words(models, name)).startswith(MARK)
    assert (await (await models.embedder("default")).embed(["a"])).vectors


async def test_a_provider_of_the_settings_is_the_default_and_answers_to_its_own_name(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress:
        given = {"model_base_url": server.base_url, "model_name": "echo", "model_api_key": SecretStr(f"{KEY}-settings")}
        async with registry(stores, egress, **given) as models:
            for name in ("default", "echo"):
                assert await first_words(models.at(SITE), name) == "Who are you?"
            assert (await first_words(models.at(SITE), "scripted")).startswith(MARK)
        assert [asked.body["model"] for asked in server.asked] == ["echo", "echo"]
        assert keys(server) == ["settings", "settings"]


async def test_the_organisations_own_model_comes_before_the_instances_and_that_before_the_settings(
    stores: Stores,
) -> None:
    async with openai_server() as server, calling(server.place) as egress:
        given = {"model_base_url": server.base_url, "model_name": "echo", "model_api_key": SecretStr(f"{KEY}-settings")}
        async with registry(stores, egress, **given) as models:
            another = replace(SITE, run=replace(RUN, org_id="11"))
            third = replace(SITE, run=replace(RUN, org_id="12"))
            await first_words(models.at(third), "default")
            await add(stores, server, "all", org=0)
            await add(stores, server, "own")
            await first_words(models.at(SITE), "default")
            await first_words(models.at(SITE), "own")
            await first_words(models.at(SITE), "all")
            await first_words(models.at(another), "default")
            with pytest.raises(ModelFailed, match=r"no model 'own'; there are: default, scripted, .*all, echo"):
                await models.at(another).chat("own")
        assert keys(server) == ["settings", "own", "own", "all", "all"]


async def test_an_unknown_name_is_refused_and_the_known_ones_are_named(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        await add(stores, server, "写手")
        with pytest.raises(
            ModelFailed, match="no model 'gpt-9'; there are: default, scripted, scripted:slow, 写手"
        ) as no:
            await models.at(SITE).chat("gpt-9")
        assert no.value.facts["reason"] == "not_found"
        with pytest.raises(ModelFailed, match="no embedding model '写手'"):
            await models.at(SITE).embedder("写手")
        with pytest.raises(ModelFailed, match="no rerank model 'default'; there are: none of this kind"):
            await models.at(SITE).reranker("default")


async def test_a_model_that_is_switched_off_is_not_stood_in_for(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        await add(stores, server, "writer", org=0)
        await add(stores, server, "writer", enabled=False)
        with pytest.raises(ModelFailed, match="'writer' is switched off; there are: default"):
            await models.at(SITE).chat("writer")
        with pytest.raises(ModelFailed, match="'writer' is switched off"):
            await models.at(SITE).chat("default")


async def test_a_change_of_a_row_holds_after_a_moment_and_its_new_key_is_used(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        row = await add(stores, server, "writer")
        model = await models.at(SITE).chat("writer")
        await first_words(models.at(SITE), "writer")
        secret = await stores.secrets.put("10", SECRET_KIND, ModelSecret(f"{KEY}-new").to_text())
        await stores.models(10).change(row.id, {"secret_id": int(secret)}, revision=row.revision)
        # By now at the latest: a directory of its own has not looked yet.
        async with registry(stores, egress) as others:
            await first_words(others.at(SITE), "writer")
        assert FRESH <= 5
        # What was handed out before goes on with what it had.
        assert [delta.text async for delta in model.stream(ChatRequest((ChatMessage("user", "again"),)))]
        assert keys(server) == ["writer", "new", "writer"]


async def test_a_key_that_was_just_replaced_is_found_without_waiting(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        row = await add(stores, server, "writer")
        await stores.models(10).change(row.id, {"secret_id": 1}, revision=row.revision)
        with pytest.raises(ModelFailed, match="not there any more"):
            await models.at(SITE).chat("writer")
        secret = await stores.secrets.put("10", SECRET_KIND, ModelSecret(f"{KEY}-new").to_text())
        await stores.models(10).change(row.id, {"secret_id": int(secret)}, revision=row.revision + 1)
        await first_words(models.at(SITE), "writer")
        assert keys(server) == ["new"]


async def test_a_key_may_bring_headers_that_are_secret_too(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        held = ModelSecret(f"{KEY}-both", {"x-gate": "open sesame"})
        secret = await stores.secrets.put("10", SECRET_KIND, held.to_text())
        await add(stores, server, "writer", secret_id=int(secret))
        await first_words(models.at(SITE), "writer")
        assert keys(server) == ["both"]
        assert server.asked[0].headers["x-gate"] == "open sesame"


async def test_a_key_that_is_gone_is_told_and_none_is_sent(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        row = await add(stores, server, "writer")
        await stores.secrets.delete("10", str(row.secret_id))
        with pytest.raises(ModelFailed, match="key of the model writer is not there any more") as refused:
            await models.at(SITE).chat("writer")
        assert refused.value.facts["reason"] == "auth"
        assert server.asked == []


async def test_a_row_without_a_key_sends_none(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        await add(stores, server, "writer", secret_id=None)
        await first_words(models.at(SITE), "writer")
        assert "authorization" not in server.asked[0].headers


async def test_the_rows_defaults_ranges_and_capabilities_hold(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        said: Mapping[str, Json] = {"temperature": 0.25, "max_tokens": 50}
        await add(stores, server, "writer", defaults=said, capabilities={"images": False})
        await first_words(models.at(SITE), "writer", max_tokens=9)
        body = server.asked[0].body
        assert (body["temperature"], body["max_tokens"]) == (0.25, 9)
        with pytest.raises(ModelFailed, match="temperature 3 does not fit the model writer"):
            await first_words(models.at(SITE), "writer", temperature=3)
        model = await models.at(SITE).chat("writer")
        seen = ChatRequest((ChatMessage("user", (TextPart("?"), MediaPart("image", b"x"))),))
        with pytest.raises(ModelFailed, match="does not take images"):
            [delta async for delta in model.stream(seen)]
        assert len(server.asked) == 1


async def test_what_a_call_cost_is_written_down_for_run_node_and_model(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        await add(stores, server, "writer", prices={"input": 2.0, "output": 4.0, "currency": "CNY"})
        await add(stores, server, "busy", vendor_model="busy")
        there = models.at(SITE)
        await first_words(there, "writer")
        await first_words(there, "default")
        with pytest.raises(ModelUnavailable):
            await first_words(there, "busy")
        # The same place once more after a crash: a call of its own.
        await first_words(models.at(replace(SITE, delivery=2)), "writer")
        await first_words(there, "scripted")
    spent = {one.model: one for one in await stores.ledger.spent(10, "model", Which(run_id=100))}
    # What was asked for as `default` is the writer's too.
    assert {name: (one.calls, one.failed) for name, one in spent.items()} == {"writer": (3, 0), "busy": (1, 1)}
    assert (spent["writer"].input_tokens, spent["writer"].output_tokens) == (21, 9)
    assert (spent["writer"].cost, spent["writer"].currency) == (3 * (7 * 2 + 3 * 4), "CNY")


async def test_a_models_own_limit_is_kept_by_all_who_ask_it(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress:
        async with registry(stores, egress, model_wait_seconds=0.2) as one, registry(stores, egress) as other:
            await add(stores, server, "writer", quota={"requests_per_minute": 1})
            await first_words(other.at(SITE), "writer")
            with pytest.raises(ModelUnavailable, match="no place for it within") as refused:
                await first_words(one.at(SITE), "writer")
            assert refused.value.facts["reason"] == "rate_limited"
            assert len(server.asked) == 1


async def test_a_rows_fallback_answers_where_it_cannot_be_had_itself(stores: Stores) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        await add(stores, server, "writer", vendor_model="busy", fallback=("gone", "spare"))
        await add(stores, server, "spare", fallback=("writer",))
        assert await first_words(models.at(SITE), "writer") == "Who are you?"
        assert [asked.body["model"] for asked in server.asked] == ["busy", "echo"]


async def test_pictures_are_fetched_before_the_provider_is_asked(stores: Stores) -> None:
    def picture(asked: Asked) -> list[bytes]:
        return reply(200, b"\x89PNG\r\n\x1a\n")

    async with openai_server() as server, serving(picture) as site, calling(server.place, site) as egress:
        async with registry(stores, egress) as models:
            await add(stores, server, "inline")
            await add(stores, server, "url", media="url")
            for name in ("inline", "url"):
                model = await models.at(SITE).chat(name)
                part = MediaPart("image", url=site.url("/cat.png"))
                [delta async for delta in model.stream(ChatRequest((ChatMessage("user", (TextPart("?"), part)),)))]
        sent = [asked.body["messages"][-1]["content"][1]["image_url"]["url"] for asked in server.asked]
        assert sent == ["data:image/png;base64,iVBORw0KGgo=", site.url("/cat.png")]
        assert len(site.asked) == 1


async def test_embedders_and_rerankers_are_rows_too_and_counted(stores: Stores) -> None:
    def answer(asked: Asked) -> list[bytes]:
        if asked.path.endswith("/rerank"):
            body = b'{"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]}'
        else:
            body = (
                b'{"data": [{"index": 0, "embedding": [0.5, 0.25]}], "usage": {"prompt_tokens": 4, "total_tokens": 4}}'
            )
        return reply(200, body, [("Content-Type", "application/json")])

    async with serving(answer) as site, calling(site) as egress, registry(stores, egress) as models:
        for kind in ("embedding", "rerank"):
            settings = ModelSettings(kind, kind, kind, "openai_compatible", "m", base_url=site.url("/v1"))
            await stores.models(10).create(settings)
        there = models.at(SITE)
        embedder = await there.embedder("default")
        assert embedder.dimensions is None
        assert (await embedder.embed(["水"])).vectors == ((0.5, 0.25),)
        assert embedder.dimensions == 2
        ranked = await (await there.reranker("rerank")).rerank("q", ["a", "b"])
        assert [one.index for one in ranked] == [1, 0]
    spent = {one.model: one for one in await stores.ledger.spent(10, "model", Which(run_id=100))}
    assert (spent["embedding"].input_tokens, spent["embedding"].estimated) == (4, 0)
    assert (spent["rerank"].calls, spent["rerank"].estimated) == (1, 1)


async def test_the_key_is_nowhere_but_in_the_request(stores: Stores, caplog: pytest.LogCaptureFixture) -> None:
    async with openai_server() as server, calling(server.place) as egress, registry(stores, egress) as models:
        await add(stores, server, "gossip", vendor_model="gossip")
        model = await models.at(SITE).chat("gossip")
        with pytest.raises(ModelFailed) as refused:
            await first_words(models.at(SITE), "gossip")
        assert f"{KEY}-gossip" in server.asked[0].headers["authorization"]
        for shown in (str(refused.value), repr(refused.value.facts), repr(model), repr(models), caplog.text):
            assert KEY not in shown


async def test_the_guarded_client_serves_nodes() -> None:
    async with calling() as egress:
        http: Http = NodeHttp(egress)
        kind, body = http.multipart([("name", "李雷")])
        assert kind.startswith("multipart/form-data; boundary=")
        assert "李雷".encode() in body
