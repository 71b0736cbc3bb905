"""Requests that are wrong in every way get a clear problem, never a 500 and never the framework's own page."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.requests import Request

from api.errors import MalformedBody
from api.reading import read_body
from engine.limits import Limits
from tests.api.drawings import greeting
from tests.api.serving import Serving, serve

JSON = {"content-type": "application/json"}


def check_problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:mainspring:problem:{code}"
    assert problem["detail"].endswith((".", "?"))
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    return problem


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/workflows/", "/docs", "/openapi.json"]
)
async def test_an_unknown_address_is_a_problem(serving: Serving, path: str) -> None:
    check_problem(await serving.client.get(path), 404, "not_found")


async def test_a_method_that_an_address_does_not_take_is_a_problem(serving: Serving) -> None:
    answer = await serving.client.put("/api/v1/workflows")
    check_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "malformed_body"),
        (b"nope", "malformed_body"),
        (b'{"inputs": NaN}', "malformed_body"),
        (b'{"inputs": {"a": Infinity}}', "malformed_body"),
        (b'{"inputs": {"a": 1e999}}', "malformed_body"),
        (b'{"inputs": {"a": "\xff\xfe"}}', "malformed_body"),
        (b'{"inputs": {"a": "\\ud800"}}', "malformed_body"),
        (b"\xef\xbb\xbf{}", "malformed_body"),
        (b"{'inputs': 1}", "malformed_body"),
        (b'{"inputs": {"a": 1' + b"0" * 30 + b"}}", "malformed_body"),
        (b'{"inputs": {"a": -9223372036854775809}}', "malformed_body"),
        (b'{"inputs": {"a": 1' + b"0" * 5_000 + b"}}", "malformed_body"),
    ],
)
async def test_a_body_that_is_no_json_is_a_problem(serving: Serving, content: bytes, code: str) -> None:
    workflow = await serving.published(greeting())
    for path in (f"/api/v1/workflows/{workflow}/runs", "/api/v1/runs/7/cancel"):
        check_problem(await serving.client.post(path, content=content, headers=JSON), 400, code)


@pytest.mark.parametrize("depth", [201, 1_000, 1_100, 100_000])
async def test_a_body_nested_too_deep_is_a_problem(serving: Serving, depth: int) -> None:
    workflow = await serving.published(greeting())
    for content in (
        b'{"inputs": {"name": ' + b"[" * depth + b"]" * depth + b"}}",
        b'{"inputs": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}",
    ):
        answer = await serving.client.post(f"/api/v1/workflows/{workflow}/runs", content=content, headers=JSON)
        check_problem(answer, 422, "limit_exceeded")
    content = b'{"name": "deep", "canvas": {"nodes": ' + b"[" * depth + b"]" * depth + b"}}"
    check_problem(await serving.client.post("/api/v1/workflows", content=content, headers=JSON), 422, "limit_exceeded")


async def test_a_body_nested_as_deep_as_allowed_is_taken(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    content = b'{"inputs": {"name": "A", "extra": ' + b"[" * 150 + b"]" * 150 + b"}}"
    answer = await serving.client.post(f"/api/v1/workflows/{workflow}/runs", content=content, headers=JSON)
    assert answer.status_code == 201
    assert (await serving.get(f"/runs/{answer.json()['id']}")).json() == answer.json()


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
        "json",
        "application/jsonp",
    ],
)
async def test_a_body_that_is_not_said_to_be_json_is_a_problem(serving: Serving, content_type: str) -> None:
    answer = await serving.client.post("/api/v1/validate", content=b"{}", headers={"content-type": content_type})
    check_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/problem+json"]
)
async def test_json_may_be_said_in_several_ways(serving: Serving, content_type: str) -> None:
    content = json.dumps({"canvas": greeting()}).encode()
    answer = await serving.client.post("/api/v1/validate", content=content, headers={"content-type": content_type})
    assert answer.status_code == 200


async def test_a_body_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=Limits(run_input_bytes=1_000, canvas_bytes=2_000)) as serving:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 10_000
                yield b" " * 10_000

        answer = await serving.client.post("/api/v1/workflows/7/runs", content=endless(), headers=JSON)
        problem = check_problem(answer, 413, "body_too_large")
        assert problem["facts"]["setting"] == "MAINSPRING_RUN_INPUT_BYTES"
        assert sent < 200_000
        answer = await serving.client.post("/api/v1/workflows", content=endless(), headers=JSON)
        problem = check_problem(answer, 413, "body_too_large")
        assert problem["facts"]["setting"] == "MAINSPRING_CANVAS_BYTES"
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("length", ["99999999999", "9" * 400])
async def test_a_body_that_says_it_is_over_the_limit_is_not_read_at_all(serving: Serving, length: str) -> None:
    headers = JSON | {"content-length": length}
    check_problem(
        await serving.client.post("/api/v1/workflows/7/runs", content=b"{}", headers=headers), 413, "body_too_large"
    )


async def test_a_canvas_over_the_limit_is_a_finding(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=Limits(canvas_bytes=2_000)) as serving:
        canvas = {"nodes": [], "edges": [], "meta": {"text": "x" * 3_000}}
        answer = await serving.post("/validate", {"canvas": canvas})
        assert answer.status_code == 200
        assert [one["code"] for one in answer.json()["diagnostics"]] == ["canvas_too_large"]


async def test_a_key_that_stands_twice_in_a_canvas_is_a_problem(serving: Serving) -> None:
    content = b'{"canvas": {"nodes": [], "nodes": []}}'
    problem = check_problem(
        await serving.client.post("/api/v1/validate", content=content, headers=JSON), 400, "malformed_body"
    )
    assert '"nodes"' in problem["detail"] or "'nodes'" in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        [], "text", 7, {"inputs": []}, {"inputs": "x"}, {"mode": "later"}, {"wait_seconds": -1}, {"wait_seconds": 1e9},
        {"wait_seconds": "soon"}, {"version": 7}, {"idempotency_key": ""}, {"idempotency_key": "x" * 192}, {"no": 1},
    ],
)  # fmt: skip
async def test_a_request_that_does_not_fit_names_the_field(serving: Serving, body: Any) -> None:
    workflow = await serving.published(greeting())
    answer = await serving.post(f"/workflows/{workflow}/runs", body)
    problem = check_problem(answer, 422, "invalid_request")
    assert all(one["message"] and one["code"] for one in problem["errors"])
    if isinstance(body, dict):
        assert problem["errors"][0]["field"].split(".")[0] in body


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=many",
        "cursor=../x",
        "cursor=" + "9" * 30,
        "state=asleep",
        "since=-1",
        "until=1e9",
        "kind=both",
    ],
)
async def test_a_parameter_that_does_not_fit_is_a_problem(serving: Serving, query: str) -> None:
    answer = await serving.client.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].partition(".")[0] == query.partition("=")[0]


@pytest.mark.parametrize("offset", ["x", "-1", "1.5", "９", "1" * 40])
async def test_an_offset_that_is_none_is_a_problem(serving: Serving, offset: str) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "A"})
    headers = {b"last-event-id": offset.encode()}
    answer = await serving.client.get(f"/api/v1/runs/{run['id']}/events/stream", headers=headers)
    check_problem(answer, 422, "invalid_input")


@pytest.mark.parametrize("given", ["my-id_1.2", "x" * 64])
async def test_a_request_keeps_the_id_that_its_sender_gives_it(serving: Serving, given: str) -> None:
    answer = await serving.client.get("/api/v1/nothing", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>"])
async def test_an_id_that_cannot_stand_in_a_log_is_replaced(serving: Serving, given: str) -> None:
    answer = await serving.client.get("/api/v1/health/live", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] not in ("", given)


async def test_what_breaks_is_a_problem_that_tells_nothing_of_our_insides(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    serving.stores.close()
    for answer in (
        await serving.get(f"/workflows/{workflow}"),
        await serving.post("/workflows", {"name": "x"}),
        await serving.post(f"/workflows/{workflow}/runs", {"inputs": {"name": "A"}}),
    ):
        assert answer.status_code in (500, 503)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in answer.text
        assert ".py" not in answer.text


async def test_a_half_sent_body_leaves_no_trace(serving: Serving) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b'{"name": '

    answer = await serving.client.post("/api/v1/workflows", content=broken(), headers=JSON)
    check_problem(answer, 400, "malformed_body")
    assert (await serving.get("/workflows")).json()["items"] == []


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    sent = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        if sent:
            return sent.pop()
        return await asyncio.Event().wait()

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(MalformedBody, match="too slowly"):
        await read_body(request, 100, "", patience=0.01, slowest=1_000_000)
