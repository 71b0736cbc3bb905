"""HTTP Request through the real egress client, against a server on loopback."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine.errors import FlowError, InvalidInput, LimitExceeded, NodeFailed, NodeUnavailable
from engine.events import EventType
from engine.runtime import StepError
from nodes.context import HttpReply
from nodes.tools.http_body import FILE_BYTES
from nodes.tools.http_reply import retry_after
from nodes.tools.http_request import http_request
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, canvas, end, node, start
from tests.workers.egress.loopback import Asked, Server, calling, redirect, reply, serving
from workers.http import NodeHttp


def site(asked: Asked) -> Iterable[bytes] | AsyncIterator[bytes]:
    """What the server of these tests answers, by path."""
    path = urlsplit(asked.path).path
    if path.startswith("/status/"):
        return reply(int(path.rpartition("/")[2]), b"because", [("Retry-After", "7")])
    match path:
        case "/moved":
            return redirect("/ok")
        case "/picture.png":
            return reply(body=b"\x89PNG", headers=[("Content-Type", "image/png")])
        case "/plain":
            return reply(body=b"some text")
        case "/large":
            return reply(body=b"x" * (FILE_BYTES // 2 + 1))
        case "/gbk":
            return reply(body="你好".encode("gbk"), headers=[("Content-Type", "text/plain; charset=GB2312")])
        case "/broken":
            return reply(body=b"\xff\xfe\xfdabc", headers=[("Content-Type", "text/plain; charset=utf-8")])
        case "/strange":
            return reply(body="é".encode(), headers=[("Content-Type", "text/plain; charset=punycode")])
        case "/twice":
            return reply(body=b"ok", headers=[("X-A", "1"), ("x-a", "2")])
        case "/slow":
            return drip()
        case _:
            return reply(body=b"ok", headers=[("Content-Type", "text/plain")])


async def drip() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\n"
    while True:
        await asyncio.sleep(0.05)
        yield b"x"


@dataclass
class Called:
    """A server that is called, and the way to it."""

    server: Server
    world: NodeWorld

    def url(self, path: str = "/ok") -> str:
        return self.server.url(path)

    @property
    def asked(self) -> Asked:
        return self.server.asked[-1]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.asked.path).query)

    async def run(self, **inputs: Any) -> Any:
        return await http_request.run({"url": self.url(), **inputs}, self.world)

    async def refused(self, error: type[FlowError], **inputs: Any) -> FlowError:
        with pytest.raises(error) as found:
            await self.run(**inputs)
        return found.value


@pytest.fixture
async def there() -> AsyncIterator[Called]:
    async with serving(site) as server, calling(server) as egress:
        yield Called(server, NodeWorld(http=NodeHttp(egress)))


async def test_a_reply_has_status_body_and_headers(there: Called) -> None:
    output = await there.run()
    assert output == {"statusCode": 200, "body": "ok", "headers": {"content-length": "2", "content-type": "text/plain"}}
    assert (there.asked.method, there.asked.path) == ("GET", "/ok")


async def test_of_a_repeated_header_the_last_counts(there: Called) -> None:
    assert (await there.run(url=there.url("/twice")))["headers"]["x-a"] == "2"


async def test_redirects_are_followed(there: Called) -> None:
    assert (await there.run(url=there.url("/moved")))["body"] == "ok"


@pytest.mark.parametrize("method", ["GET", "post", "Put", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_every_method_is_sent(there: Called, method: str) -> None:
    await there.run(method=method)
    assert there.asked.method == method.upper()


async def test_what_a_reference_brings_is_the_method_in_any_case_or_the_step_fails(there: Called) -> None:
    request = node("ask", "http_request", {"url": there.url("/ok"), "method": "=start.method", "auth": "=start.auth"})
    drawn = canvas(
        start({"method": {}, "auth": {}}), request, end({"status": "=ask.statusCode"}), lines="start>ask>end"
    )
    await Walk(drawn, there.world).run({"method": "post"})
    assert there.asked.method == "POST"
    with pytest.raises(StepError, match=r'inputs\.method must be one of: .*"GET".* but the text "PSOT" came'):
        await Walk(drawn, there.world).run({"method": "PSOT"})
    with pytest.raises(StepError, match=r"inputs\.auth\.kind must be one of"):
        await Walk(drawn, there.world).run({"auth": {"kind": "nope"}})
    assert len(there.server.asked) == 1


# --- the question ---


async def test_params_replace_those_of_the_url_and_leave_the_rest_as_it_is_written(there: Called) -> None:
    await there.run(
        url=there.url("/ok?a=1&b=%20+x&a=2&c#part"), params={"a": "9 & 10", "d": [1, True, "三"], "e": None}
    )
    assert there.asked.path.startswith("/ok?b=%20+x&c&a=9%20%26%2010&d=1&d=true&d=")
    assert there.query[-1] == ("d", "三")


async def test_header_values_become_text(there: Called) -> None:
    await there.run(headers={"X-Number": 7, "X-Flag": True, "X-Object": {"b": 1, "a": "你"}, "X-None": None})
    sent = there.asked.headers
    assert (sent["x-number"], sent["x-flag"], sent["x-object"]) == ("7", "true", '{"a":"你","b":1}')
    assert "x-none" not in sent


async def test_a_header_that_would_forge_another_is_refused(there: Called) -> None:
    error = await there.refused(NodeFailed, headers={"X-A": "1\r\nX-B: 2"})
    assert "x-a" in error.message.lower()
    assert there.server.asked == []


# --- who asks ---


async def test_a_bearer_token_is_sent_and_replaces_the_authors_header(there: Called) -> None:
    await there.run(auth={"kind": "bearer", "token": "t0p"}, headers={"authorization": "other"})
    assert there.asked.headers["authorization"] == "Bearer t0p"


async def test_basic_is_sent(there: Called) -> None:
    await there.run(auth={"kind": "basic", "username": "李", "password": "p:w"})
    assert there.asked.headers["authorization"] == f"Basic {b64encode('李:p:w'.encode()).decode()}"


async def test_a_custom_key_is_sent_as_header_or_in_the_query(there: Called) -> None:
    await there.run(auth={"kind": "custom", "name": "X-Key", "value": "k1", "place": None})
    assert there.asked.headers["x-key"] == "k1"
    in_query = {"kind": "custom", "name": "key", "value": "k 2", "place": "query"}
    await there.run(url=there.url("/ok?key=old&Key=kept"), params={"key": "mine"}, auth=in_query)
    assert there.query == [("Key", "kept"), ("key", "k 2")]


async def test_no_auth_sends_none(there: Called) -> None:
    await there.run(auth={"kind": "none", "token": "unused"})
    assert "authorization" not in there.asked.headers


@pytest.mark.parametrize(
    ("auth", "sentence"),
    [
        ({"kind": "bearer"}, "bearer needs token"),
        ({"kind": "basic", "password": "x"}, "basic needs username"),
        ({"kind": "custom"}, "custom needs name and value"),
        ({"kind": "magic"}, "The input auth.kind is 'magic'. Input should be 'none', 'bearer'"),
        ({"kind": "custom", "name": "a", "value": "b", "place": "body"}, "The input auth.place is 'body'"),
    ],
)
async def test_auth_that_lacks_something_is_refused(there: Called, auth: dict[str, str], sentence: str) -> None:
    error = await there.refused(InvalidInput, auth=auth)
    assert sentence in error.message
    assert str(error.facts["field"]).startswith("auth")


# --- the body ---


async def test_json_is_a_value_or_a_text_that_is_json(there: Called) -> None:
    await there.run(method="POST", body_type="json", body={"名": [1, None]})
    assert (there.asked.headers["content-type"], there.asked.body.decode()) == ("application/json", '{"名":[1,null]}')
    await there.run(method="POST", body_type="json", body='{ "b": 1 }', headers={"content-type": "application/ld+json"})
    assert (there.asked.headers["content-type"], there.asked.body) == ("application/ld+json", b'{ "b": 1 }')


async def test_raw_text_is_sent_as_it_is(there: Called) -> None:
    await there.run(method="POST", body_type="raw_text", body="plain 文字")
    assert (there.asked.headers["content-type"], there.asked.body.decode()) == (
        "text/plain; charset=utf-8",
        "plain 文字",
    )


async def test_a_form_is_urlencoded(there: Called) -> None:
    fields = [{"name": "a b", "value": "x&y"}, {"name": "n", "value": [1, 2]}, {"name": "gone", "value": None}]
    await there.run(method="POST", body_type="form_urlencoded", body=fields)
    assert there.asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(there.asked.body.decode()) == [("a b", "x&y"), ("n", "1"), ("n", "2")]
    await there.run(method="POST", body_type="form_urlencoded", body={"名": "值"})
    assert parse_qsl(there.asked.body.decode()) == [("名", "值")]


async def test_a_form_carries_files_that_are_fetched(there: Called) -> None:
    fields = [
        {"name": "title", "value": "图"},
        {"name": "file", "file_url": there.url("/picture.png?x=1")},
        {"name": "other", "file_url": there.url("/plain"), "filename": "名.txt", "content_type": "text/x-note"},
    ]
    await there.run(method="POST", body_type="form_data", body=fields, headers={"Content-Type": "multipart/form-data"})
    boundary = re.fullmatch(r"multipart/form-data; boundary=(\S+)", there.asked.headers["content-type"])
    assert boundary is not None
    parts = there.asked.body.split(b"--" + boundary[1].encode())[1:-1]
    title, picture, other = parts
    assert b'name="title"' in title
    assert title.endswith("\r\n\r\n图\r\n".encode())
    assert b'filename="picture.png"' in picture
    assert b"Content-Type: image/png\r\n\r\n\x89PNG\r\n" in picture
    assert b"Content-Type: text/x-note\r\n\r\nsome text\r\n" in other


async def test_a_binary_body_is_a_file_that_is_fetched(there: Called) -> None:
    await there.run(method="PUT", body_type="binary", body=there.url("/picture.png"))
    assert (there.asked.headers["content-type"], there.asked.body) == ("application/octet-stream", b"\x89PNG")


async def test_files_have_a_limit_together(there: Called) -> None:
    fields = [{"name": "a", "file_url": there.url("/large")}, {"name": "b", "file_url": there.url("/large")}]
    error = await there.refused(LimitExceeded, method="POST", body_type="form_data", body=fields)
    assert "20 MiB" in error.message
    assert [asked.method for asked in there.server.asked] == ["GET", "GET"]


async def test_a_file_that_is_not_there_fails_the_node(there: Called) -> None:
    error = await there.refused(NodeFailed, method="POST", body_type="binary", body=there.url("/status/404"))
    assert error.facts["status"] == 404


@pytest.mark.parametrize(
    ("kind", "body", "sentence", "field"),
    [
        ("json", "{oops", "must be JSON itself. The text is not JSON", "body"),
        ("json", None, "body is missing", "body"),
        ("form_data", "text", "body is a text", "body"),
        ("form_data", [{"value": 1}], "The input body.0.name is missing", "body.0.name"),
        ("form_data", [{"name": "a", "value": 1, "file_url": "http://x"}], "a value or a file_url, not both", "body.0"),
        ("form_urlencoded", [{"name": "a", "file_url": "http://x"}], "needs the body_type form_data", "body"),
        ("binary", {"a": 1}, "the URL of a file", "body"),
        ("xml", "<a/>", "The input body_type is 'xml'", "body_type"),
    ],
)
async def test_a_body_that_does_not_fit_its_kind_is_refused(
    there: Called, kind: str, body: Any, sentence: str, field: str
) -> None:
    error = await there.refused(InvalidInput, method="POST", body_type=kind, body=body)
    assert sentence in error.message
    assert error.facts["field"] == field
    assert there.server.asked == []


# --- the same request twice ---


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_request_that_changes_something_carries_the_key_of_its_step(there: Called, method: str) -> None:
    await there.run(method=method)
    assert there.asked.headers["idempotency-key"] == "1/step"
    await there.run(method=method, headers={"idempotency-KEY": "mine"})
    assert there.asked.headers["idempotency-key"] == "mine"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_request_that_changes_nothing_carries_no_key(there: Called, method: str) -> None:
    await there.run(method=method)
    assert "idempotency-key" not in there.asked.headers


# --- the reply ---


@pytest.mark.parametrize("status", [400, 401, 404, 418])
async def test_a_status_from_400_fails_the_node_for_good(there: Called, status: int) -> None:
    error = await there.refused(NodeFailed, url=there.url(f"/status/{status}?key=secret"))
    assert not error.retryable
    assert error.facts == {"status": status, "url": there.url(f"/status/{status}"), "body": "because"}
    assert "secret" not in error.message


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_or_broken_server_is_worth_another_try_when_it_says(there: Called, status: int) -> None:
    error = await there.refused(NodeUnavailable, url=there.url(f"/status/{status}"))
    assert (error.retryable, error.facts["retry_after"]) == (True, 7.0)


async def test_a_reply_that_takes_too_long_is_given_up(there: Called) -> None:
    error = await there.refused(NodeUnavailable, url=there.url("/slow"), timeout_seconds=0.2)
    assert "within 0.2 seconds" in error.message


async def test_an_address_that_may_not_be_called_is_refused(there: Called) -> None:
    error = await there.refused(NodeFailed, url="http://169.254.169.254/latest")
    assert error.message.startswith("This address may not be called from here;")


@pytest.mark.parametrize(
    ("path", "body", "warned"), [("/gbk", "你好", 0), ("/strange", "é", 0), ("/broken", "\ufffd\ufffd\ufffdabc", 1)]
)
async def test_a_body_becomes_text_by_its_charset(there: Called, path: str, body: str, warned: int) -> None:
    assert (await there.run(url=there.url(path)))["body"] == body
    assert len(there.world.warned) == warned


# --- what canvases of elsewhere rely on ---


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


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("120", 120), ("-1", None), ("soon", None), ("", None), ("1e9", None), ("9" * 30, None), ("²", None)],
)
def test_retry_after_is_a_number_of_seconds(value: str, seconds: float | None) -> None:
    assert retry_after(value, datetime.now(UTC)) == seconds


def test_retry_after_may_be_a_date() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90
    assert retry_after("Sun, 01 Mar 2026 11:00:00 GMT", now) == 0


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"url": None}, "The input url is missing: Where to send the request."),
        ({"method": "FETCH"}, "The input method is 'FETCH'. Input should be 'GET', 'POST'"),
        ({"timeout_seconds": 0}, "The input timeout_seconds is the number 0. Input should be greater than 0."),
        ({"uri": "x"}, "There is no input uri; this node takes: method, url, params"),
        ({"headers": "a: b"}, "The input headers is a text; it must be an object."),
    ],
)
async def test_inputs_that_do_not_fit_are_named(there: Called, inputs: dict[str, Any], sentence: str) -> None:
    error = await there.refused(InvalidInput, **inputs)
    assert sentence in error.message
    assert error.facts["field"] == next(iter(inputs))
