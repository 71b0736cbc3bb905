"""Variables as programs read and set them with the SDK."""

from __future__ import annotations

from pathlib import Path

import pytest
from cozepy import CozeAPIError
from cozepy.variables import VariableValue

from tests.api.open.coze import Programs, programs, sync
from tests.api.people import another_organisation, somebody


async def values(there: Programs, *keywords: str, user: str = "安娜", app: str = "7", **more: str) -> dict[str, str]:
    found = await sync(
        lambda: there.coze.variables.retrieve(connector_uid=user, keywords=[*keywords], app_id=app, **more)
    )
    return {one.keyword: one.value for one in found.data or []}


async def test_what_is_set_for_a_user_is_read_for_that_user_alone(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        data = [VariableValue(keyword="城市", value="杭州"), VariableValue(keyword="count", value="3")]
        await sync(lambda: there.coze.variables.update(connector_uid="安娜", data=data, app_id="7"))
        assert await values(there) == {"城市": "杭州", "count": "3"}
        assert await values(there, "城市", "没有") == {"城市": "杭州"}
        assert await values(there, user="李雷") == {}
        assert await values(there, app="8") == {}
        assert await values(there, connector_id="999") == {}
        assert await values(there, connector_id="1024") == {"城市": "杭州", "count": "3"}
        found = await there.async_coze.variables.retrieve(connector_uid="安娜", keywords=["城市"], bot_id="7")
        [one] = found.data or []
        assert one.update_time > 1_000_000_000


async def test_a_name_of_the_application_alone_is_set_for_the_application(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        for scope, name in (("app", "visits"), ("user", "city")):
            kind = "integer" if scope == "app" else "string"
            body = {"app_id": "7", "scope": scope, "name": name, "type": {"type": kind}}
            assert (await there.serving.post("/variables", body)).status_code == 201
        data = [VariableValue(keyword="visits", value="3"), VariableValue(keyword="city", value="3")]
        await there.async_coze.variables.update(connector_uid="安娜", data=data, app_id="7")
        assert await values(there) == {"visits": "3", "city": "3"}
        assert await values(there, user="李雷") == {"visits": "3", "city": ""}
        kept = (await there.serving.get("/variable-values", scope="app", app_id="7")).json()["items"]
        assert [one["value"] for one in kept] == [3]
        with pytest.raises(CozeAPIError) as unknown:
            await sync(
                lambda: there.coze.variables.update(
                    connector_uid="安娜", data=[VariableValue(keyword="other", value="x")], app_id="7"
                )
            )
        assert unknown.value.code == 4000


async def test_one_says_of_which_application_and_of_one_alone(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        for query in ("", "app_id=7&bot_id=8"):
            answer = await there.raw.get(f"/v1/variables?{query}&connector_uid=x")
            assert answer.json()["code"] == 4000


async def test_another_organisation_has_its_own(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        data = [VariableValue(keyword="k", value="v")]
        await sync(lambda: there.coze.variables.update(connector_uid="安娜", data=data, app_id="7"))
        org, space = await another_organisation(there.serving)
        other = there.as_((await somebody(there.serving, "owner", org_id=org, space_id=space)).token)
        found = await sync(lambda: other.variables.retrieve(connector_uid="安娜", keywords=[], app_id="7"))
        assert found.data == []
        viewer = there.as_((await somebody(there.serving, "viewer")).token)
        with pytest.raises(CozeAPIError) as refused:
            await sync(lambda: viewer.variables.update(connector_uid="安娜", data=data, app_id="7"))
        assert refused.value.code == 4101
