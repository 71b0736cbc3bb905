"""Variables over HTTP: what they are, and the values of users and applications."""

from typing import Any

import pytest

from tests.api.drawings import TEXT, Document, chain, end, greeting, start
from tests.api.serving import Serving
from tests.api.test_access import in_another_space

COUNT = {"scope": "app", "app_id": "shop", "name": "visits", "type": {"type": "integer"}, "default": 3}


async def defined(serving: Serving, **fields: Any) -> Document:
    answer = await serving.post("/variables", {**COUNT, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def values(serving: Serving, **whose: Any) -> dict[str, Any]:
    answer = await serving.get("/variable-values", **whose)
    assert answer.status_code == 200, answer.text
    return {one["name"]: one["value"] for one in answer.json()["items"]}


def assigning(value: Any) -> Document:
    """Sets the application's variable `visits`."""
    data = {"inputs": {"visits": value}, "settings": {"scopes": {"visits": "app"}}}
    return chain(start(text=TEXT), {"id": "set", "type": "assign_variables", "data": data}, end())


async def test_a_variable_is_defined_read_changed_and_deleted(serving: Serving) -> None:
    made = await defined(serving, description="How often 安娜 came.")
    assert (made["type"], made["default"], made["enabled"]) == ({"type": "integer"}, 3, True)
    where = f"/variables/{made['id']}"
    assert (await serving.get(where)).json() == made
    changed = (await serving.patch(where, {"type": {"type": "string"}, "default": None, "enabled": False})).json()
    assert (changed["type"], changed["default"], changed["enabled"]) == ({"type": "string"}, None, False)
    assert (changed["name"], changed["description"]) == ("visits", "How often 安娜 came.")
    assert (await serving.delete(where)).status_code == 204
    for answer in (await serving.get(where), await serving.delete(where), await serving.patch(where, {})):
        assert answer.status_code == 404


async def test_definitions_are_listed_by_application(serving: Serving) -> None:
    first, second = await defined(serving), await defined(serving, name="b")
    await defined(serving, app_id="")
    page = (await serving.get("/variables", app_id="shop")).json()
    assert [one["id"] for one in page["items"]] == [second["id"], first["id"]]
    assert len((await serving.get("/variables", app_id="")).json()["items"]) == 1
    assert (await serving.get("/variables", scope="user")).json()["items"] == []


async def test_a_name_is_defined_once_in_its_scope(serving: Serving) -> None:
    await defined(serving)
    assert (await serving.post("/variables", COUNT)).status_code == 409
    await defined(serving, scope="user")
    await defined(serving, app_id="other")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "1st"},
        {"name": "a b"},
        {"name": "变量"},
        {"name": "sys_uuid"},
        {"name": "x" * 65},
        {"type": {}},
        {"type": {"type": "date"}},
        {"type": {"type": "array", "items": {"type": "nope"}}},
        {"type": {"type": "object", "properties": {"a": 1}}},
        {"default": "many"},
        {"scope": "system"},
    ],
)
async def test_a_definition_that_makes_no_sense_is_refused(serving: Serving, wrong: Document) -> None:
    assert (await serving.post("/variables", {**COUNT, **wrong})).status_code == 422


async def test_a_type_without_end_is_refused(serving: Serving) -> None:
    kind: Document = {"type": "string"}
    for _ in range(30):
        kind = {"type": "array", "items": kind}
    answer = await serving.post("/variables", {**COUNT, "type": kind, "default": None})
    assert answer.status_code == 422


async def test_values_are_set_read_and_reset(serving: Serving) -> None:
    await defined(serving)
    whose = {"scope": "app", "app_id": "shop"}
    (before,) = (await serving.get("/variable-values", **whose)).json()["items"]
    assert before == {"name": "visits", "value": 3, "set": False, "updated": None, "defined": True}
    (after,) = (await serving.put("/variable-values", {**whose, "values": {"visits": "12"}})).json()["items"]
    assert (after["value"], after["set"]) == (12, True)
    assert (await serving.client.delete("/api/v1/variable-values", params={**whose, "name": "visits"})).is_success
    assert await values(serving, **whose) == {"visits": 3}


async def test_users_have_values_of_their_own(serving: Serving) -> None:
    for user, drink in (("安娜", "茶"), ("bob", "tea")):
        body = {"scope": "user", "app_id": "shop", "user_id": user, "values": {"drink": drink}}
        assert (await serving.put("/variable-values", body)).status_code == 200
    assert await values(serving, scope="user", app_id="shop", user_id="安娜") == {"drink": "茶"}
    assert await values(serving, scope="user", user_id="安娜") == {}
    assert await values(serving, scope="user", app_id="shop", user_id="安娜", channel="web") == {}


@pytest.mark.parametrize("wrong", [{"visits": "many"}, {"tax": 1}, {}])
async def test_a_value_that_does_not_fit_is_refused(serving: Serving, wrong: Document) -> None:
    await defined(serving)
    answer = await serving.put("/variable-values", {"scope": "app", "app_id": "shop", "values": wrong})
    assert answer.status_code == 422


async def test_whose_variables_must_be_said(serving: Serving) -> None:
    assert (await serving.get("/variable-values", scope="app")).status_code == 422
    assert (await serving.get("/variable-values", scope="app", workflow="nope")).status_code == 404
    workflow = await serving.published(greeting())
    assert await values(serving, scope="app", workflow=workflow) == {}


async def test_another_space_sees_nothing_of_it(serving: Serving) -> None:
    made = await defined(serving)
    async with await in_another_space(serving) as other:
        assert (await other.get(f"/api/v1/variables/{made['id']}")).status_code == 404
        assert (await other.get("/api/v1/variables")).json()["items"] == []
        answer = await other.get("/api/v1/variable-values", params={"scope": "app", "app_id": "shop"})
        assert answer.json()["items"] == []


async def test_a_canvas_that_sets_a_variable_to_another_type_is_not_published(serving: Serving) -> None:
    workflow = await serving.drawn(assigning({"ref": ["start", "text"]}))
    where = f"/workflows/{workflow['id']}"
    await defined(serving)
    await defined(serving, app_id="")
    for found in (
        (await serving.post(f"{where}/validate")).json(),
        (await serving.client.post(f"/api/v1{where}/validate", params={"app_id": "shop"})).json(),
        (await serving.post("/validate", {"canvas": assigning({"value": "many"}), "app_id": "shop"})).json(),
    ):
        assert (found["valid"], [one["code"] for one in found["diagnostics"]]) == (False, ["variable_type_mismatch"])
    refused = await serving.post(f"{where}/versions", {"app_id": "shop"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "variable_type_mismatch"
    assert (await serving.post(f"{where}/versions", {"app_id": "free"})).status_code == 201
