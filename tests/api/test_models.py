"""Models over HTTP: what is saved was tried, what does not fit is named, and keys go in and never out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient

from nodes.probe import ProbeResult
from storage.tokens import new_token
from tests.api.model_probe import ScriptedProbe
from tests.api.people import another_organisation
from tests.api.serving import Document, Serving, client_of, serve
from tests.fakes.openai_server import openai_server
from tests.workers.egress.loopback import LoopbackOnly, names
from workers.egress import EgressClient, EgressPolicy
from workers.models.probe import LiveProbe

KEY = "sk-canary-a1b2c3d4-9f3a"
DEEPSEEK = {"key": "writer", "provider": "deepseek", "vendor_model": "deepseek-chat", "api_key": KEY}
OWN = {"key": "own", "provider": "openai_compatible", "vendor_model": "m", "base_url": "https://models.example.com/v1"}


@pytest.fixture
def probe() -> ScriptedProbe:
    return ScriptedProbe()


@pytest.fixture
async def serving(tmp_path: Path, probe: ScriptedProbe) -> AsyncIterator[Serving]:
    async with serve(tmp_path, probe=probe) as made:
        yield made


async def saved(serving: Serving, body: Document, **more: Any) -> Document:
    answer = await serving.post("/models", {**body, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def findings(serving: Serving, body: Document, **more: Any) -> dict[str, str]:
    answer = await serving.post("/models", {**body, **more})
    assert answer.status_code == 422, answer.text
    return {one["field"]: one["message"] for one in answer.json()["errors"]}


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


async def of_another_organisation(serving: Serving) -> AsyncClient:
    org, space = await another_organisation(serving)
    token = new_token()
    await serving.stores.tokens.register(org, space, "somebody else", token)
    return client_of(serving.app, token)


# --- setting up -------------------------------------------------------------------------------------------------------


async def test_a_model_is_tried_and_then_saved(serving: Serving, probe: ScriptedProbe) -> None:
    made = await saved(serving, DEEPSEEK, title="写作", defaults={"temperature": 0.7}, patience={"gap_seconds": 5})
    assert made["test"] == {
        "ok": True, "message": "", "reason": "", "status": None, "milliseconds": 0, "answer": "你好",
        "dimensions": None, "usage": {"total_tokens": 9},
    }  # fmt: skip
    (tried,) = probe.tried
    assert (tried.kind, tried.provider, tried.vendor_model, tried.api_key) == ("chat", "deepseek", "deepseek-chat", KEY)
    assert (tried.defaults, tried.patience) == ({"temperature": 0.7}, {"gap_seconds": 5.0})
    shown = (await serving.get("/models/writer")).json()
    assert {**shown, "test": made["test"]} == made
    assert (shown["title"], shown["is_default"], shown["enabled"], shown["instance"]) == ("写作", True, True, False)
    row = await serving.stores.models((await serving.stores.organisations.ensure_default()).org_id).get("writer")
    assert row.secret_id is not None


async def test_a_model_that_does_not_answer_is_not_saved_and_the_providers_words_come_back(
    serving: Serving, probe: ScriptedProbe
) -> None:
    probe.result = ProbeResult(False, "Incorrect API key provided: 密钥不对.", "auth", 401, 120)
    answer = await serving.post("/models", DEEPSEEK)
    assert (answer.status_code, answer.json()["code"]) == (422, "model_test_failed")
    assert "Incorrect API key provided: 密钥不对" in answer.json()["detail"]
    assert answer.json()["facts"] == {"reason": "auth", "status": 401, "milliseconds": 120}
    assert (await serving.get("/models")).json()["items"] == []
    assert (await saved(serving, DEEPSEEK, test=False))["test"] is None


async def test_a_key_that_the_provider_repeats_is_hidden(serving: Serving, probe: ScriptedProbe) -> None:
    probe.result = ProbeResult(False, f"Bad key {KEY}, bad gate sesame-9", "auth", 401)
    answer = await serving.post("/models", {**DEEPSEEK, "headers": {"X-Gate": "sesame-9"}})
    assert "Bad key •••, bad gate •••" in answer.json()["detail"]
    tried = await serving.post("/models/test", {**DEEPSEEK, "headers": {"X-Gate": "sesame-9"}})
    assert (tried.status_code, tried.json()["message"]) == (200, "Bad key •••, bad gate •••")


async def test_a_model_that_is_switched_off_is_not_tried(serving: Serving, probe: ScriptedProbe) -> None:
    await saved(serving, DEEPSEEK, enabled=False)
    assert probe.tried == []


async def test_without_a_way_out_models_are_saved_untried(tmp_path: Path) -> None:
    async with serve(tmp_path) as serving:
        assert (await saved(serving, DEEPSEEK))["test"] is None
        tried = (await serving.post("/models/writer/test")).json()
        assert (tried["ok"], tried["reason"]) == (False, "unsupported")


async def test_a_key_is_taken_once_and_nothing_is_called_for_it(serving: Serving, probe: ScriptedProbe) -> None:
    await saved(serving, DEEPSEEK)
    again = await serving.post("/models", DEEPSEEK)
    assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "key")
    assert len(probe.tried) == 1


async def test_a_model_through_the_real_probe_and_a_server_that_speaks_the_protocol(tmp_path: Path) -> None:
    async with openai_server() as server:
        policy = EgressPolicy(allow=(server.place,))
        probe = LiveProbe(lambda: EgressClient(policy, resolve=names({}), network=LoopbackOnly()))
        async with serve(tmp_path, probe=probe) as serving:
            made = await saved(serving, OWN, base_url=server.base_url, vendor_model="echo", api_key=KEY)
            assert made["test"]["answer"] == "Answer with one word: hello"
            assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
            refused = await serving.post("/models", {**OWN, "key": "inner", "base_url": "http://127.0.0.2:9/v1"})
            assert (refused.status_code, refused.json()["facts"]["reason"]) == (422, "egress")


# --- what does not fit ------------------------------------------------------------------------------------------------


async def test_everything_that_does_not_fit_is_named_at_once(serving: Serving, probe: ScriptedProbe) -> None:
    found = await findings(
        serving,
        {"key": "x", "provider": "openai_compatible", "vendor_model": "m"},
        defaults={"temperature": 9, "warmth": 1, "max_tokens": 1.5, "stop": "x", "top_p": None},
        options={"region": "x"},
        headers={"Host": "evil", "X-Ok": "fine", "X-Bad": "a\nb"},
    )
    assert {name: message for name, message in found.items() if name != "defaults.warmth"} == {
        "defaults.temperature": "temperature must be between 0 and 2.",
        "defaults.max_tokens": "max_tokens must be a whole number.",
        "defaults.stop": "stop must be a list of at most 16 texts.",
        "defaults.top_p": "top_p has no value: leave it out instead.",
        "base_url": "OpenAI-compatible server needs an address, such as https://models.example.com/v1.",
        "options.region": "OpenAI-compatible server has no such option for chat models; it has: none.",
        "headers": "'Host' cannot be the name of a further header.",
        "headers.X-Bad": "The value of a header has visible ASCII characters and blanks alone.",
    }
    assert found["defaults.warmth"].startswith("m does not take warmth; it takes: temperature, ")
    assert probe.tried == []


@pytest.mark.parametrize(
    ("more", "field", "word"),
    [
        ({"provider": "nobody"}, "provider", "there are: "),
        ({"kind": "rerank"}, "kind", "DeepSeek has no rerank models; it has: chat."),
        ({"kind": "dance"}, "kind", "'chat', 'embedding' or 'rerank'"),
        ({"api_key": None}, "api_key", "DeepSeek needs a key."),
        ({"api_key": f" {KEY}"}, "api_key", "blanks around it"),
        ({"api_key": f"{KEY}\x00"}, "api_key", "characters that no key has"),
        ({"key": "default"}, "key", "always means something else"),
        ({"key": "a b"}, "key", "1 to 100 letters"),
        ({"fallback": ["nobody"]}, "fallback.0", "There is no chat model 'nobody'"),
        ({"fallback": ["scripted", "scripted"]}, "fallback.1", "named twice"),
        ({"fallback": ["writer"]}, "fallback.0", "does not stand in for itself"),
        ({"quota": {"concurrency": -1}}, "quota.concurrency", "greater than or equal to 0"),
        ({"prices": {"input": 1, "currency": "yuan"}}, "prices.currency", "pattern"),
        ({"patience": {"gap_seconds": 0}}, "patience.gap_seconds", "greater than 0"),
        ({"capabilities": {"flying": True}}, "capabilities.flying", "not permitted"),
        ({"unknown": 1}, "unknown", "not permitted"),
    ],
)
async def test_what_does_not_fit_is_named_with_what_would_be_right(
    serving: Serving, more: Document, field: str, word: str
) -> None:
    found = await findings(serving, DEEPSEEK, **more)
    assert word in found[field]
    assert KEY not in str(found)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/v1",
        "models",
        "https://",
        "http://a b/",
        "https://u:p@x/v1",
        "https://x/v1#y",
        "https://x:0/",
        "https://[::1/",
    ],
)
async def test_an_address_that_cannot_be_one_is_refused(serving: Serving, url: str) -> None:
    assert "base_url" in await findings(serving, OWN, base_url=url)


async def test_a_model_that_the_catalogue_does_not_know_is_taken_by_its_providers_rules(serving: Serving) -> None:
    assert (await saved(serving, DEEPSEEK, vendor_model="deepseek-of-tomorrow"))[
        "vendor_model"
    ] == "deepseek-of-tomorrow"
    assert "defaults.temperature" in await findings(
        serving, DEEPSEEK, key="b", vendor_model="deepseek-of-tomorrow", defaults={"temperature": 99}
    )


async def test_options_are_checked_for_the_kind_that_has_them(serving: Serving) -> None:
    embedder = {**OWN, "key": "向量", "kind": "embedding", "options": {"dimensions": "512", "style": "plain"}}
    assert (await saved(serving, embedder))["options"] == {"dimensions": "512", "style": "plain"}
    found = await findings(serving, {**embedder, "key": "b"}, options={"dimensions": "many", "style": "odd"})
    assert found.keys() == {"options.dimensions", "options.style"}


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_no_answer_ever_holds_a_key_or_a_headers_value(serving: Serving, tmp_path: Path) -> None:
    made = await saved(serving, DEEPSEEK, headers={"X-Gate": "sesame-open-now"})
    answers = [
        await serving.get("/models"),
        await serving.get("/models/writer"),
        await serving.get(f"/models/{made['id']}"),
        await serving.patch("/models/writer", {"revision": 1, "title": "新"}),
        await serving.patch("/models/writer", {"revision": 2, "defaults": {"temperature": 1}}),
        await serving.post("/models/writer/test"),
        await serving.post("/models", {**DEEPSEEK, "defaults": {"temperature": 99}}),
        await serving.post("/models", {**DEEPSEEK, "api_key": [KEY]}),
        await serving.post("/models", {**DEEPSEEK, "headers": {"X-Gate": {"a": "sesame-open-now"}}}),
    ]
    for answer in answers:
        assert KEY not in answer.text
        assert "canary" not in answer.text
        assert "sesame" not in answer.text
    assert answers[0].json()["items"][0]["api_key"] == {"set": True, "last4": "9f3a"}
    assert answers[1].json()["headers"] == {"X-Gate": {"set": True, "last4": ""}}
    serving.stores.close()
    assert not any(hidden in data for data in contents(tmp_path) for hidden in (b"canary", b"sesame"))


async def test_a_key_stays_unless_it_is_given(serving: Serving, probe: ScriptedProbe) -> None:
    await saved(serving, DEEPSEEK, headers={"X-Gate": "sesame"})
    await serving.patch("/models/writer", {"revision": 1, "defaults": {"temperature": 1}})
    assert (probe.tried[-1].api_key, probe.tried[-1].headers) == (KEY, {"X-Gate": "sesame"})
    changed = (await serving.patch("/models/writer", {"revision": 2, "api_key": "sk-another-one-0001"})).json()
    assert changed["api_key"] == {"set": True, "last4": "0001"}
    assert (probe.tried[-1].api_key, probe.tried[-1].headers) == ("sk-another-one-0001", {"X-Gate": "sesame"})
    changed = (await serving.patch("/models/writer", {"revision": 3, "headers": None})).json()
    assert (changed["headers"], changed["api_key"]["set"]) == ({}, True)
    assert probe.tried[-1].headers == {}


async def test_a_key_can_be_taken_away_where_none_is_needed(serving: Serving) -> None:
    await saved(serving, DEEPSEEK)
    refused = await serving.patch("/models/writer", {"revision": 1, "api_key": None})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "api_key")
    await saved(serving, OWN, api_key=KEY)
    changed = (await serving.patch("/models/own", {"revision": 1, "api_key": None})).json()
    assert changed["api_key"] == {"set": False, "last4": ""}


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "https://evil.example.com/v1"},
        {"base_url": "http://models.example.com/v1"},
        {"base_url": "https://models.example.com:444/v1"},
        {"provider": "ollama"},
        {"provider": "deepseek", "base_url": None},
    ],
)
async def test_a_stored_key_is_not_sent_to_another_address(
    serving: Serving, probe: ScriptedProbe, change: Document
) -> None:
    await saved(serving, OWN, api_key=KEY, headers={"X-Gate": "sesame"})
    calls = len(probe.tried)
    for more, field in (({}, "api_key"), ({"api_key": "sk-new-0123456789"}, "headers"), ({"headers": {}}, "api_key")):
        for test in (True, False):
            answer = await serving.patch("/models/own", {"revision": 1, "test": test, **change, **more})
            assert answer.status_code == 422, answer.text
            assert [one["field"] for one in answer.json()["errors"]] == [field]
            assert answer.json()["errors"][0]["code"] == "needed_again"
    assert len(probe.tried) == calls
    new = {"api_key": "sk-new-0123456789", "headers": {}}
    assert (await serving.patch("/models/own", {"revision": 1, **change, **new})).status_code == 200
    assert [one.api_key for one in probe.tried[calls:]] == ["sk-new-0123456789"]


async def test_an_option_that_is_part_of_the_address_needs_the_key_again(serving: Serving) -> None:
    gemini = {"key": "g", "provider": "gemini", "vendor_model": "gemini-2.5-pro", "api_key": KEY}
    await saved(serving, gemini, options={"location": "us-central1"})
    moved = await serving.patch("/models/g", {"revision": 1, "options": {"location": "evil.example.com/"}})
    assert (moved.status_code, moved.json()["errors"][0]["code"]) == (422, "needed_again")
    same = await serving.patch("/models/g", {"revision": 1, "options": {"location": "us-central1"}, "title": "t"})
    assert same.status_code == 200


async def test_a_changed_key_lies_under_a_new_id_and_the_old_one_is_gone(serving: Serving) -> None:
    await saved(serving, DEEPSEEK)
    home = await serving.stores.organisations.ensure_default()
    before = (await serving.stores.models(home.org_id).get("writer")).secret_id
    await serving.patch("/models/writer", {"revision": 1, "api_key": "sk-another-one-0001"})
    after = (await serving.stores.models(home.org_id).get("writer")).secret_id
    assert before != after
    known = await serving.stores.secrets.hints(str(home.org_id), "model", [str(before), str(after)])
    assert known == {str(after): "0001"}
    assert (await serving.delete("/models/writer")).status_code == 204
    assert await serving.stores.secrets.hints(str(home.org_id), "model", [str(after)]) == {}


async def test_a_key_that_was_not_saved_does_not_stay(serving: Serving, probe: ScriptedProbe) -> None:
    await saved(serving, DEEPSEEK)
    probe.result = ProbeResult(False, "no", "auth")
    assert (await serving.patch("/models/writer", {"revision": 1, "api_key": "sk-wrong-00000001"})).status_code == 422
    assert (await serving.get("/models/writer")).json()["api_key"]["last4"] == "9f3a"
    count = await serving.stores.database.read(
        lambda connection: connection.exec_driver_sql("SELECT COUNT(*) FROM secret").scalar_one()
    )
    assert count == 1


# --- changing ---------------------------------------------------------------------------------------------------------


async def test_what_changes_no_call_is_changed_without_one(serving: Serving, probe: ScriptedProbe) -> None:
    await saved(serving, DEEPSEEK)
    changed = await serving.patch(
        "/models/writer",
        {
            "revision": 1,
            "title": "新名",
            "key": "作者",
            "quota": {"concurrency": 3},
            "prices": {"input": 1, "currency": "CNY"},
        },
    )
    assert changed.status_code == 200, changed.text
    assert (changed.json()["key"], changed.json()["quota"], changed.json()["test"]) == (
        "作者",
        {"concurrency": 3},
        None,
    )
    assert len(probe.tried) == 1
    back = (await serving.patch("/models/作者", {"revision": 2, "quota": None, "prices": None})).json()
    assert (back["quota"], back["prices"], back["revision"]) == ({}, {}, 3)


async def test_of_two_who_change_a_model_the_second_is_told(serving: Serving, probe: ScriptedProbe) -> None:
    await saved(serving, DEEPSEEK)
    assert (await serving.patch("/models/writer", {"revision": 1, "title": "one"})).status_code == 200
    late = await serving.patch("/models/writer", {"revision": 1, "api_key": "sk-late-00000000"})
    assert (late.status_code, late.json()["facts"]["revision"]) == (409, 2)
    assert len(probe.tried) == 1


async def test_a_model_stands_in_for_another_of_its_kind(serving: Serving) -> None:
    await saved(serving, OWN, key="备用")
    made = await saved(serving, DEEPSEEK, fallback=["备用", "scripted"])
    assert made["fallback"] == ["备用", "scripted"]
    refused = await serving.patch("/models/writer", {"revision": 1, "fallback": ["writer"]})
    assert refused.status_code == 422


async def test_the_models_of_the_instance_are_seen_by_all_and_gone_before_by_ones_own(serving: Serving) -> None:
    await saved(serving, DEEPSEEK, instance=True)
    async with await of_another_organisation(serving) as other:
        assert [one["instance"] for one in (await other.get("/api/v1/models")).json()["items"]] == [True]
        assert (await other.get("/api/v1/models/writer")).json()["instance"] is True
    own = await saved(serving, OWN, key="writer")
    assert (await serving.get("/models/writer")).json()["id"] == own["id"]
    async with await of_another_organisation(serving) as other:
        assert (await other.get("/api/v1/models/writer")).json()["provider"] == "deepseek"


async def test_another_organisations_model_is_not_found(serving: Serving, probe: ScriptedProbe) -> None:
    made = await saved(serving, DEEPSEEK)
    async with await of_another_organisation(serving) as other:
        assert (await other.get("/api/v1/models")).json()["items"] == []
        for ref in ("writer", made["id"]):
            for method, path, body in (
                ("GET", f"/models/{ref}", None),
                ("PATCH", f"/models/{ref}", {"revision": 1, "title": "mine"}),
                ("DELETE", f"/models/{ref}", None),
                ("POST", f"/models/{ref}/test", None),
            ):
                assert (await other.request(method, f"/api/v1{path}", json=body)).status_code == 404, (method, path)
        taken = await other.post("/api/v1/models", json={**OWN, "fallback": ["writer"]})
        assert taken.status_code == 422
    assert len(probe.tried) == 1


async def test_models_are_listed_by_kind_and_searched(serving: Serving) -> None:
    await saved(serving, DEEPSEEK, title="写作模型")
    await saved(serving, OWN, kind="embedding")
    listed = (await serving.get("/models", kind="embedding")).json()
    assert ([one["key"] for one in listed["items"]], listed["next_cursor"]) == (["own"], None)
    assert [one["key"] for one in (await serving.get("/models", search="写作")).json()["items"]] == ["writer"]
    assert (await serving.get("/models", kind="dance")).status_code == 422
    first = (await serving.get("/models", limit=1)).json()
    rest = (await serving.get("/models", limit=1, cursor=first["next_cursor"])).json()
    assert [one["key"] for one in first["items"] + rest["items"]] == ["own", "writer"]


async def test_the_providers_are_those_of_the_catalogue(serving: Serving) -> None:
    items = {one["id"]: one for one in (await serving.get("/providers")).json()["items"]}
    assert {"openai", "azure", "anthropic", "gemini", "qwen", "deepseek", "ark", "ollama", "openai_compatible"} <= {
        *items
    }
    chat = items["deepseek"]["models"]["deepseek-chat"]
    assert chat["capabilities"]["tools"] is True
    assert {one["name"] for one in chat["parameters"]} >= {"temperature", "max_tokens"}
