"""Below the open API's addresses everything is answered in its envelope, whatever goes wrong."""

from __future__ import annotations

import pytest

from api.open.unbuilt import LATER, NEVER
from tests.api.people import somebody
from tests.api.serving import Serving, client_of

TROUBLE: list[tuple[str, str, object, int, int]] = [
    ("GET", "/v1/nothing", None, 404, 4040),
    ("GET", "/v1/", None, 404, 4040),
    ("POST", "/api/permission/nothing", {}, 404, 4040),
    ("DELETE", "/v1/users/me", None, 405, 4050),
    ("GET", "/v3/chat/nothing", None, 404, 4040),
    ("GET", "/open_api/nothing", None, 404, 4040),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), TROUBLE)
async def test_what_no_route_takes_is_answered_in_the_envelope(
    serving: Serving, method: str, path: str, body: object, status: int, code: int
) -> None:
    answer = await serving.client.request(method, path, json=body)
    found = answer.json()
    assert (answer.status_code, found["code"]) == (status, code)
    assert found["msg"]
    assert found["detail"]["logid"] == answer.headers["x-tt-logid"] == answer.headers["x-log-id"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("address", [*LATER, *NEVER])
async def test_what_is_not_built_says_so(serving: Serving, address: str) -> None:
    method, _, path = address.partition(" ")
    answer = await serving.client.request(method, path.replace("*", "7"))
    assert (answer.status_code, answer.json()["code"]) == (501, 5010), address


async def test_a_bad_token_is_4100_in_the_envelope_and_a_problem_elsewhere(serving: Serving) -> None:
    async with client_of(serving.app, "ms_nobody") as nobody:
        answer = await nobody.get("/v1/users/me")
        assert (answer.status_code, answer.json()["code"]) == (401, 4100)
        other = await nobody.get("/api/v1/workflows")
    assert other.json()["code"] == "unauthenticated"
    assert other.headers["x-tt-logid"] == other.json()["request_id"]


async def test_every_answer_carries_its_id_for_the_log(serving: Serving) -> None:
    answer = await serving.client.get("/v1/users/me", headers={"x-request-id": "abc-1"})
    assert answer.headers["x-tt-logid"] == answer.headers["x-log-id"] == answer.headers["x-request-id"] == "abc-1"
    assert answer.json()["detail"] == {"logid": "abc-1"}


async def test_who_asks_is_told_who_he_is(serving: Serving) -> None:
    ada = await somebody(serving, name="安娜")
    async with ada.client as client:
        data = (await client.get("/v1/users/me")).json()["data"]
    assert data == {
        "user_id": str(ada.account_id),
        "user_name": f"a{ada.account_id}@example.com",
        "nick_name": "安娜",
        "avatar_url": "",
    }
