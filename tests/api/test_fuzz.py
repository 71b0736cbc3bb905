"""Whatever is sent to whatever address, the answer is never a 500, and an error is always a problem."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.access import api_routes
from api.open.envelope import is_open
from tests.api.drawings import greeting
from tests.api.serving import Serving
from tests.fakes.tool_server import described

TOOLS = described("https://tools.example.com", scheme={"type": "http", "scheme": "bearer"})
WORDS = [
    "name", "key", "description", "canvas", "revision", "version", "notes", "inputs", "mode", "wait_seconds",
    "idempotency_key", "wait_id", "answer", "answer_id", "reason", "nodes", "edges", "id", "type", "data",
    "settings", "outputs", "results", "blocks", "sourceNodeID", "targetNodeID", "sourcePortID", "ref", "value",
    "template", "object", "list", "on_error", "policy", "title", "start", "end", "loop", "batch", "text_concat",
    "condition", "subworkflow", "workflow", "properties", "required", "items", "draft", "sync", "async", "stream",
    "string", "integer", "$blob", "meta", "format", "greet", "v0.0.1", "", "世界", "\x00",
]  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)
NODES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["start", "end", "a", "b", "loop", ""]) | VALUES,
        "type": st.sampled_from(["start", "end", "text_concat", "loop", "batch", "condition", "subworkflow", "llm"]),
        "data": st.fixed_dictionaries(
            {},
            optional={
                "title": LEAVES,
                "inputs": st.dictionaries(st.sampled_from(["template", "a", "items", "count"]), VALUES, max_size=3),
                "settings": VALUES,
                "outputs": VALUES,
                "results": VALUES,
                "on_error": VALUES,
            },
        ),
        "blocks": VALUES,
        "edges": VALUES,
    },
)
CANVASES = st.fixed_dictionaries(
    {},
    optional={
        "nodes": st.lists(NODES, max_size=5) | VALUES,
        "edges": st.lists(st.fixed_dictionaries({"sourceNodeID": LEAVES, "targetNodeID": LEAVES}), max_size=4) | VALUES,
        "meta": VALUES,
        "format": LEAVES,
    },
)
MODEL_FIELDS = {
    "base_url": st.sampled_from(["https://x/v1", "http://[", "x:y@z", ""]) | LEAVES,
    "api_key": st.sampled_from(["sk-0123456789abcdef"]) | LEAVES,
    "headers": st.dictionaries(st.sampled_from(WORDS), LEAVES, max_size=2) | VALUES,
    "options": st.dictionaries(st.sampled_from(["api_version", "location", "style"]), LEAVES, max_size=2) | VALUES,
    "defaults": st.dictionaries(st.sampled_from(["temperature", "stop", "max_tokens", "seed"]), VALUES, max_size=3),
    "kind": st.sampled_from(["chat", "embedding", "rerank"]) | LEAVES,
    "fallback": st.lists(st.sampled_from(["a", "scripted", ""]) | LEAVES, max_size=7),
    "quota": VALUES,
    "prices": VALUES,
    "test": st.booleans(),
}
DOCUMENTS = st.one_of(
    st.just(TOOLS),
    st.dictionaries(st.sampled_from(["paths", "servers", "components", "security", "info"]), VALUES, max_size=4).map(
        lambda parts: TOOLS | parts
    ),
    VALUES,
    st.text("ab:{}[]&*!|>-? \n'\"#,1<~", max_size=40),
)
PLUGIN_FIELDS = {
    "key": st.sampled_from(["tools", "模型", "a-b", "1"]) | LEAVES,
    "name": LEAVES,
    "base_url": st.sampled_from(["https://x/v1", "http://[", "x:y@z", ""]) | LEAVES,
    "auth": st.fixed_dictionaries({}, optional={"kind": st.sampled_from(["api_key", "bearer", "none", "x"])}) | VALUES,
    "common": st.fixed_dictionaries({}, optional={"header": VALUES, "query": VALUES}) | VALUES,
}
BODIES = st.one_of(
    VALUES,
    st.fixed_dictionaries({"name": st.sampled_from(["a", "世界"]), "canvas": CANVASES}),
    st.fixed_dictionaries({"canvas": CANVASES, "revision": st.integers(0, 3)}),
    st.fixed_dictionaries({"canvas": CANVASES}),
    st.fixed_dictionaries(
        {"inputs": st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=5)},
        optional={"mode": st.sampled_from(["sync", "async"]), "version": st.sampled_from(["draft", "v0.0.1", ""])},
    ),
    st.fixed_dictionaries({"version": st.none() | st.sampled_from(WORDS), "notes": LEAVES}),
    st.fixed_dictionaries({"wait_id": LEAVES, "answer": VALUES}),
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["a", "模型", "gpt-5"]) | LEAVES,
            "provider": st.sampled_from(["deepseek", "openai_compatible", "gemini", "azure", "nobody"]),
            "vendor_model": st.sampled_from(["m", "deepseek-chat"]) | LEAVES,
        },
        optional=MODEL_FIELDS,
    ),
    st.fixed_dictionaries({"revision": st.integers(0, 3)}, optional=MODEL_FIELDS),
    st.fixed_dictionaries({"document": DOCUMENTS}, optional=PLUGIN_FIELDS),
    st.fixed_dictionaries({"revision": st.integers(0, 3)}, optional={"document": DOCUMENTS, **PLUGIN_FIELDS}),
    st.fixed_dictionaries({"enabled": st.booleans()}),
    st.fixed_dictionaries({"arguments": st.dictionaries(st.sampled_from(["city", "a"]), VALUES, max_size=2)}),
)
RAW = st.builds(lambda value: json.dumps(value).encode(), BODIES) | st.binary(max_size=60) | st.just(b"")
ASKED = [
    "limit", "cursor", "search", "state", "workflow", "version", "since", "after", "path", "node", "kind", "by", "from",
    "to", "utc_offset", "run", "model",
]  # fmt: skip
SAID = [
    "1", "-1", "99999999999999999999", "failed", "x", "", "世界", "%", "\x00", "v0.0.1", "greet", "day", "chat",
]  # fmt: skip
QUERY = st.dictionaries(st.sampled_from(ASKED), st.sampled_from(SAID), max_size=3)
IDS = st.sampled_from(
    [
        "WORKFLOW",
        "greet",
        "tools",
        "TOOL",
        "RUN",
        "0",
        "-1",
        "9" * 25,
        "x",
        "世界",
        "\x00",
        "a/b",
        "'",
        "latest",
        "v0.0.1",
    ]
)


@pytest.fixture
async def known(serving: Serving) -> dict[str, str]:
    """Ids that lead somewhere."""
    workflow = await serving.published(greeting(), key="greet")
    run = await serving.run(workflow, {"name": "Ada"})
    plugin = await serving.post("/plugins", {"document": TOOLS, "key": "tools"})
    assert plugin.status_code == 201, plugin.text
    return {"WORKFLOW": workflow, "RUN": run["id"], "TOOL": "forecast"}


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
async def test_no_request_breaks_the_api(serving: Serving, known: dict[str, str], data: st.DataObject) -> None:
    routes = sorted((method, route.path) for route in api_routes(serving.app.routes) for method in route.methods or ())
    method, path = data.draw(st.sampled_from(routes))
    for name in ("workflow", "version", "run_id", "sha", "name", "model", "plugin", "tool:path"):
        if f"{{{name}}}" in path:
            chosen = data.draw(IDS)
            path = path.replace(f"{{{name}}}", quote(known.get(chosen, chosen), safe=""))
    sent: dict[str, Any] = {"params": data.draw(QUERY)}
    if method != "GET":
        sent |= {"content": data.draw(RAW), "headers": {"content-type": "application/json"}}
    answer = await serving.client.request(method, path if is_open(path) else f"/api/v1{path}", **sent)
    assert answer.status_code < 500 or answer.json()["code"] in {"not_available", 5030}, answer.text
    if answer.status_code >= 400 and is_open(path):
        assert answer.json()["code"] > 0
        assert answer.json()["msg"]
    elif answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
