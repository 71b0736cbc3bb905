"""HTTP Request does what canvases that were drawn elsewhere rely on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from engine.errors import InvalidInput, NodeFailed, NodeUnavailable
from engine.events import EventType
from engine.runtime import StepError
from nodes.context import HttpReply
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, canvas, end, node, start
from tests.nodes.http_site import Called, called


@pytest.fixture
async def there() -> AsyncIterator[Called]:
    async with called() as made:
        yield made


@pytest.mark.parametrize(
    ("inputs", "line", "headers", "body"),
    [
        ({"method": "GET"}, "GET /ok", {"content-type": None}, ""),
        ({"method": "HEAD"}, "HEAD /ok", {}, ""),
        ({"method": "PATCH", "body_type": "json", "body": '{"a": 1}'}, "PATCH /ok",
         {"content-type": "application/json"}, '{"a": 1}'),
        ({"params": {"a": 1.5, "b": True, "c": {"k": "v"}, "d": "中"}}, "GET /ok?a=1.5&b=true&"
         "c=%7B%22k%22%3A%22v%22%7D&d=%E4%B8%AD", {}, ""),
        ({"query": "?a=1&b=2", "params": {"a": "mine"}}, "GET /ok?b=2&a=mine", {}, ""),
        ({"query": "?a=1", "auth": {"kind": "custom", "name": "a", "value": "k", "place": "query"}}, "GET /ok?a=k",
         {}, ""),
        ({"headers": {"X-N": 7, "X-L": "中"}}, "GET /ok", {"x-n": "7", "x-l": "中"}, ""),
        ({"auth": {"kind": "bearer", "token": "t"}, "headers": {"Authorization": "x"}}, "GET /ok",
         {"authorization": "Bearer t"}, ""),
        ({"auth": {"kind": "none", "token": "t"}}, "GET /ok", {"authorization": None}, ""),
        ({"method": "POST", "body_type": "raw_text", "body": "a\nb"}, "POST /ok",
         {"content-type": "text/plain; charset=utf-8"}, "a\nb"),
        ({"method": "POST", "body_type": "form_urlencoded", "body": {"a": 1, "b": "x y"}}, "POST /ok",
         {"content-type": "application/x-www-form-urlencoded"}, "a=1&b=x%20y"),
        ({"method": "POST", "body_type": "none", "body": "left over"}, "POST /ok", {"content-type": None}, ""),
    ],
)  # fmt: skip
async def test_every_part_of_a_request_arrives_as_it_is_said(
    there: Called, inputs: dict[str, Any], line: str, headers: dict[str, str | None], body: str
) -> None:
    await there.run(url=there.url(f"/ok{inputs.pop('query', '')}"), **inputs)
    assert f"{there.asked.method} {there.asked.path}" == line
    assert {name: there.asked.headers.get(name) for name in headers} == headers
    assert there.asked.body.decode() == body


@pytest.mark.parametrize("kind", ["form_data", "binary"])
@pytest.mark.parametrize("status", [204, 206, 304])
async def test_a_file_is_taken_with_the_status_200_alone(there: Called, kind: str, status: int) -> None:
    url = there.url(f"/status/{status}")
    body: Any = url if kind == "binary" else [{"name": "f", "file_url": url}]
    error = await there.refused(NodeFailed, method="POST", body_type=kind, body=body)
    assert f"with the status {status} instead of 200" in error.message
    assert len(there.server.asked) == 1


async def test_a_file_of_a_form_has_the_name_that_its_url_carries(there: Called) -> None:
    url = there.url("/picture.png?x-wf-file_name=%E5%9B%BE.png&sign=1")
    await there.run(method="POST", body_type="form_data", body=[{"name": "f", "file_url": url}])
    assert there.server.asked[0].path == "/picture.png?sign=1"
    assert 'filename="图.png"'.encode() in there.asked.body


@dataclass
class Unreachable:
    """A way out on which the first calls reach nobody."""

    failures: int
    answer: HttpReply
    calls: int = 0

    async def request(self, method: str, url: str, **what: Any) -> HttpReply:
        self.calls += 1
        if self.calls <= self.failures:
            raise NodeUnavailable("Nobody was reached.")
        return self.answer

    def multipart(self, parts: Any) -> tuple[str, bytes]:
        return "", b""


OK, BUSY = HttpReply(200, (), b"ok", ""), HttpReply(503, (), b"busy", "")


@pytest.mark.parametrize(
    ("retries", "failures", "answer", "calls", "attempts"),
    [
        (None, 0, OK, 1, 1),
        (None, 1, OK, 2, 2),  # the step is tried again, after a pause
        (0, 1, OK, 1, 1),
        (1, 1, OK, 2, 1),
        (3, 3, OK, 4, 1),
        (3, 9, OK, 4, 1),
        (3, 0, BUSY, 1, 1),
        (3, 2, BUSY, 3, 1),
        (None, 0, BUSY, 3, 3),
    ],
)
async def test_a_canvas_says_how_often_a_request_is_sent_again_that_got_no_answer(
    retries: int | None, failures: int, answer: HttpReply, calls: int, attempts: int
) -> None:
    out = Unreachable(failures, answer)
    settings = {} if retries is None else {"retries": retries}
    request = node("ask", "http_request", {"url": "https://a.example.test/"}, settings=settings)
    walk = Walk(canvas(start({}), request, end({"b": "=ask.body"}), lines="start>ask>end"), NodeWorld(http=out))
    if failures < calls and answer is OK:
        assert (await walk.run({})).output == {"b": "ok"}
    else:
        with pytest.raises(StepError):
            await walk.run({})
    again = [one for one in walk.runtime.events if one.type == EventType.STEP_RETRIED]
    assert (out.calls, len(again) + 1) == (calls, attempts)


async def test_a_status_is_an_error_for_good_where_the_canvas_says_how_often(there: Called) -> None:
    there.world.settings = {"retries": 2}
    error = await there.refused(NodeFailed, url=there.url("/status/503"))
    assert (error.retryable, len(there.server.asked)) == (False, 1)


@pytest.mark.parametrize("retries", [-1, 11, "often"])
async def test_retries_have_bounds(there: Called, retries: Any) -> None:
    there.world.settings = {"retries": retries}
    await there.refused(InvalidInput)


async def test_headers_that_are_declared_a_text_are_json(there: Called) -> None:
    there.world.output_schema = {"type": "object", "properties": {"headers": {"type": "string"}}}
    output = await there.run(url=there.url("/twice"))
    assert output["headers"] == '{"Content-Length":"2","X-A":"2"}'
