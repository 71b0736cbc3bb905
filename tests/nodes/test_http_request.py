"""HTTP Request through the real egress client, against a server on loopback."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine.errors import InvalidInput, LimitExceeded, NodeFailed, NodeUnavailable
from engine.runtime import StepError
from nodes.tools.http_reply import retry_after
from tests.nodes.drawing import Walk, canvas, end, node, start
from tests.nodes.http_site import Called, called


@pytest.fixture
async def there() -> AsyncIterator[Called]:
    async with called() as made:
        yield made


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
