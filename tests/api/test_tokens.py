"""Personal tokens: what they open, for how long, for whom, and that none of them says more than it was told to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient
from sqlalchemy import Connection, insert, select, update
from sqlmodel import col

from api.permissions import Permission
from storage.accounts import set_disabled
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.stores import open_stores
from storage.tables import AccessToken, AuditEvent, SpaceMember
from storage.tokens import MOST_PERSONAL
from tests.api.browsing import at_a_browser
from tests.api.drawings import greeting
from tests.api.people import Somebody, another_organisation, leaves, somebody
from tests.api.serving import Serving, client_of
from tests.storage.samples import KEYS

DAY = 24 * 3_600_000


async def made(client: AsyncClient, **fields: Any) -> dict[str, Any]:
    """A token that somebody made."""
    answer = await client.post("/api/v1/tokens", json={"name": "夜间导入", **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def statuses(serving: Serving, token: str, space: int, *paths: str) -> list[int]:
    """What a token is answered in a space."""
    async with client_of(serving.app, token) as client:
        headers = {"x-space-id": str(space)}
        return [(await client.get(f"/api/v1{path}", headers=headers)).status_code for path in paths]


async def change(serving: Serving, token_id: str, **columns: Any) -> None:
    row = update(AccessToken).where(col(AccessToken.id) == int(token_id)).values(columns)

    def job(connection: Connection) -> None:
        connection.execute(row)
        rights_changed(connection)

    await serving.stores.database.write(job)


async def rank(serving: Serving, one: Somebody, role: str) -> None:
    """Another role in the space."""
    mine = (col(SpaceMember.account_id) == one.account_id) & (col(SpaceMember.space_id) == one.space_id)

    def job(connection: Connection) -> None:
        connection.execute(update(SpaceMember).where(mine).values(role=role))
        rights_changed(connection)

    await serving.stores.database.write(job)


async def test_a_token_is_shown_once_and_opens_what_its_account_may(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page)
        assert token["token"].startswith(token["prefix"])
        assert token["token"].startswith("pat_")
        assert len(token["token"].rpartition("_" + token["prefix"].split("_")[2] + "_")[2]) == 43
        assert (token["expired"], token["scopes"], token["spaces"]) == (False, ["*"], [])
        assert token["expires"] - token["created"] == pytest.approx(90 * DAY, abs=60_000)
        listed = (await page.get("/api/v1/tokens")).json()["items"]
    assert token["token"] not in str(listed)
    assert listed[0]["id"] == token["id"]
    assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [200]


async def test_the_end_of_a_token_is_within_a_year(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        for days, status in ((0, 422), (366, 422), (365, 201), (1, 201)):
            answer = await page.post("/api/v1/tokens", json={"name": "a", "days": days})
            assert answer.status_code == status, days


async def test_an_expired_token_opens_nothing(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page, days=1)
        assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [200]
        await change(serving, token["id"], expires=now_ms() - 1)
        assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [401]
        assert (await page.get(f"/api/v1/tokens/{token['id']}")).json()["expired"] is True


async def test_a_token_that_expires_soon_is_not_believed_beyond_its_end(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page)
    # Without a word to anybody: the end comes by itself.
    ends = update(AccessToken).where(col(AccessToken.id) == int(token["id"]))
    await serving.stores.database.write(lambda connection: connection.execute(ends.values(expires=1)).close())
    assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [401]


async def test_a_revoked_token_opens_nothing_from_the_next_request_on_in_every_process(
    serving: Serving, tmp_path: Path
) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page)
        async with client_of(serving.app, token["token"]) as client:
            assert (await client.get("/api/v1/workflows")).status_code == 200
            with open_stores(tmp_path, keys=KEYS) as other_process:
                epoch = await other_process.callers.epoch()
                assert (await page.delete(f"/api/v1/tokens/{token['id']}")).status_code == 204
                assert await other_process.callers.epoch() > epoch
                assert await other_process.callers.by_token(token["token"]) is None
            assert (await client.get("/api/v1/workflows")).status_code == 401
        assert (await page.delete(f"/api/v1/tokens/{token['id']}")).status_code == 404


async def test_scopes_narrow_what_the_account_may(serving: Serving) -> None:
    ada = await somebody(serving, "owner")
    await serving.published(greeting(), key="greet")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page, scopes=["workflow.view", "run.*"])
    async with client_of(serving.app, token["token"]) as client:
        headers = {"x-space-id": str(ada.space_id)}
        run = await client.post("/api/v1/workflows/greet/runs", json={"inputs": {"name": "王"}}, headers=headers)
        assert run.status_code == 201, run.text
        assert (await client.get("/api/v1/runs", headers=headers)).status_code == 200
        refused = await client.patch("/api/v1/workflows/greet", json={"name": "x"}, headers=headers)
        assert (refused.status_code, refused.json()["facts"]["permission"]) == (403, "workflow.edit")


async def test_a_token_never_may_more_than_its_account_also_when_that_changes(serving: Serving) -> None:
    ada = await somebody(serving, "viewer")
    await serving.drawn(greeting(), key="greet")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page, scopes=["workflow.*", "model.edit_instance"], space_id=str(ada.space_id))
    async with client_of(serving.app, token["token"]) as client:

        async def rename() -> int:
            return (await client.patch("/api/v1/workflows/greet", json={"description": "好"})).status_code

        assert await rename() == 403
        await rank(serving, ada, "editor")
        assert await rename() == 200
        await rank(serving, ada, "viewer")
        assert await rename() == 403
        await leaves(serving, ada)
        assert await rename() == 404


async def test_a_scope_that_nobody_knows_is_refused(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        for scopes in ([], ["workflow"], ["workflow.fly"], ["nothing.*"], ["run.*", "root"]):
            answer = await page.post("/api/v1/tokens", json={"name": "a", "scopes": scopes})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "scopes"), scopes
        every = await made(page, scopes=["*", "run.view"])
        assert every["scopes"] == ["*"]
        assert (await made(page, scopes=[one.value for one in Permission]))["scopes"] != ["*"]


async def test_a_token_for_some_spaces_opens_these_alone(serving: Serving) -> None:
    ada = await somebody(serving, "owner", grants=(2,))
    async with await at_a_browser(serving, ada) as page:
        token = await made(page, spaces=[str(ada.space_id)])
        assert token["space_id"] == str(ada.space_id)
        own = next(one for one in await _spaces(serving, ada) if one != ada.space_id)
        assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [200]
        assert await statuses(serving, token["token"], own, "/workflows") == [404]
        # Nor anything of the organisation around the space, which its account administrates.
        assert await statuses(serving, token["token"], ada.space_id, "/accounts") == [403]
        everything = await made(page)
        assert await statuses(serving, everything["token"], ada.space_id, "/accounts") == [200]


async def test_a_token_is_not_made_for_a_space_that_its_account_may_not_enter(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    _, foreign = await another_organisation(serving)
    bob = await somebody(serving)
    async with await at_a_browser(serving, ada) as page:
        for space in (str(foreign), str(bob.space_id), "7", "default", ""):
            for fields in ({"spaces": [space]}, {"space_id": space}):
                if fields == {"space_id": ""}:
                    continue
                answer = await page.post("/api/v1/tokens", json={"name": "a", **fields})
                assert answer.status_code == 404, fields
        outside = {"spaces": [str(ada.space_id)], "space_id": str(await _own(serving, ada))}
        answer = await page.post("/api/v1/tokens", json={"name": "a", **outside})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "space_id")


async def test_a_disabled_account_has_no_tokens_that_open(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page)
    for disabled, status in ((True, 401), (False, 200)):
        await serving.stores.database.write(partial(set_disabled, account_id=ada.account_id, disabled=disabled))
        assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [status]


async def test_no_token_makes_tokens(serving: Serving) -> None:
    ada = await somebody(serving, "owner", grants=(1,))
    async with await at_a_browser(serving, ada) as page:
        token = await made(page)
    async with client_of(serving.app, token["token"]) as client:
        for method, path, body in (
            ("POST", "/tokens", {"name": "a"}),
            ("POST", f"/tokens/{token['id']}/regenerate", {}),
            ("PATCH", f"/tokens/{token['id']}", {"name": "b"}),
            ("DELETE", f"/tokens/{token['id']}", None),
            ("POST", "/instance-token", None),
            ("POST", "/oauth-apps", {"name": "a"}),
        ):
            answer = await client.request(method, f"/api/v1{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied"), path
        assert (await client.get("/api/v1/tokens")).status_code == 200


async def test_a_page_of_another_site_makes_no_tokens(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        answer = await page.post("/api/v1/tokens", json={"name": "a"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


async def test_a_token_is_renamed_and_made_anew(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page, scopes=["workflow.view"])
        where = f"/api/v1/tokens/{token['id']}"
        assert (await page.patch(where, json={"name": "别的"})).json()["name"] == "别的"
        assert (await page.patch(where, json={"name": " "})).status_code == 422
        again = (await page.post(f"{where}/regenerate", json={"days": 7})).json()
    assert again["token"] != token["token"]
    assert (again["id"], again["scopes"], again["name"]) == (token["id"], ["workflow.view"], "别的")
    assert again["expires"] - now_ms() == pytest.approx(7 * DAY, abs=60_000)
    assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [401]
    assert await statuses(serving, again["token"], ada.space_id, "/workflows") == [200]


async def test_when_and_from_where_a_token_was_used_is_noted_once_a_minute(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page)
        assert (token["last_used"], token["last_ip"]) == (None, "")
        await statuses(serving, token["token"], ada.space_id, "/workflows")
        first = (await page.get(f"/api/v1/tokens/{token['id']}")).json()
        await statuses(serving, token["token"], ada.space_id, "/workflows", "/runs")
        again = (await page.get(f"/api/v1/tokens/{token['id']}")).json()
        assert (first["last_used"] is not None, first["last_ip"]) == (True, "127.0.0.1")
        assert again["last_used"] == first["last_used"]
        await change(serving, token["id"], last_used=first["last_used"] - 61_000)
        await statuses(serving, token["token"], ada.space_id, "/workflows")
        assert (await page.get(f"/api/v1/tokens/{token['id']}")).json()["last_used"] >= first["last_used"]


async def test_tokens_of_others_are_not_found(serving: Serving) -> None:
    ada, bob = await somebody(serving, "editor"), await somebody(serving, "owner", grants=(2,))
    async with await at_a_browser(serving, ada) as page, await at_a_browser(serving, bob) as other:
        token = await made(page)
        where = f"/api/v1/tokens/{token['id']}"
        assert (await other.get("/api/v1/tokens")).json()["items"] != (await page.get("/api/v1/tokens")).json()["items"]
        for method, path, body in (
            ("GET", where, None),
            ("PATCH", where, {"name": "mine"}),
            ("POST", f"{where}/regenerate", {}),
            ("DELETE", where, None),
        ):
            assert (await other.request(method, path, json=body)).status_code == 404, method
        email = (await serving.stores.accounts.get(ada.account_id)).email
        for address in (email, "nobody@example.com"):
            answer = await other.post("/api/v1/tokens", json={"name": "a", "account": address})
            assert answer.status_code == 403


async def test_administrators_see_bound_and_revoke_tokens_of_accounts_that_they_reach(serving: Serving) -> None:
    ada, boss = await somebody(serving, "editor"), await somebody(serving, grants=(2,))
    org, space = await another_organisation(serving)
    foreigner = await somebody(serving, "owner", org_id=org, space_id=space, grants=(2,))
    async with (
        await at_a_browser(serving, ada) as page,
        await at_a_browser(serving, boss) as admin,
        await at_a_browser(serving, foreigner) as other,
    ):
        token = await made(page)
        where = f"/api/v1/accounts/{ada.account_id}/tokens"
        assert token["id"] in [one["id"] for one in (await admin.get(where)).json()["items"]]
        assert (await other.get(where)).status_code == 404
        assert (await page.get(where)).status_code == 403
        for client, status in ((page, 403), (other, 404), (admin, 200)):
            answer = await client.patch(f"{where}/{token['id']}", json={"requests_per_minute": 100_000})
            assert answer.status_code == status
        assert (await admin.get(where)).json()["items"][0]["requests_per_minute"] == 100_000
        for client, status in ((page, 403), (other, 404), (admin, 204), (admin, 404)):
            assert (await client.delete(f"{where}/{token['id']}")).status_code == status
    assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [401]


async def test_the_operators_token_makes_tokens_for_any_account(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    email = (await serving.stores.accounts.get(ada.account_id)).email
    token = await made(serving.client, account=email.upper(), spaces=[str(ada.space_id)])
    assert token["account_id"] == str(ada.account_id)
    assert await statuses(serving, token["token"], ada.space_id, "/workflows") == [200]
    for body, status in (({"account": "nobody@example.com"}, 404), ({}, 422), ({"account": "no address"}, 422)):
        answer = await serving.post("/tokens", {"name": "a", **body})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) in {(status, "account"), (status, "email")}
    assert (await serving.get("/tokens", account=email)).json()["items"][0]["id"] == token["id"]
    assert (await serving.delete(f"/tokens/{token['id']}?account={email}")).status_code == 204


async def test_the_operators_token_replaces_itself(serving: Serving) -> None:
    answer = await serving.post("/instance-token")
    assert answer.status_code == 201
    assert (await serving.get("/workflows")).status_code == 401
    async with client_of(serving.app, answer.json()["token"]) as client:
        assert (await client.get("/api/v1/workflows")).status_code == 200


async def test_an_account_has_only_so_many_tokens(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    now = now_ms()
    row = {"org_id": ada.org_id, "space_id": ada.space_id, "name": "n", "kind": "personal", "created": now}
    rows = [
        {"id": number, "hash": f"h{number}", "account_id": ada.account_id, **row} for number in range(1, MOST_PERSONAL)
    ]
    await serving.stores.database.write(lambda one: one.execute(insert(AccessToken), rows).close())
    async with await at_a_browser(serving, ada) as page:
        answer = await page.post("/api/v1/tokens", json={"name": "a"})
        assert (answer.status_code, answer.json()["facts"]["limit"]) == (422, MOST_PERSONAL)
        pages = [(await page.get("/api/v1/tokens", params={"limit": 60})).json()]
        pages.append((await page.get("/api/v1/tokens", params={"limit": 60, "cursor": pages[0]["next_cursor"]})).json())
        assert [len(one["items"]) for one in pages] == [60, 40]
        assert pages[1]["next_cursor"] is None


async def test_who_did_what_with_tokens_is_written_down_without_them(serving: Serving) -> None:
    ada = await somebody(serving, "editor")
    async with await at_a_browser(serving, ada) as page:
        token = await made(page, name="导入")
        where = f"/api/v1/tokens/{token['id']}"
        await page.patch(where, json={"name": "b"})
        again = (await page.post(f"{where}/regenerate", json={})).json()
        await page.delete(where)
    wanted = (
        select(col(AuditEvent.action), col(AuditEvent.account_id), col(AuditEvent.before), col(AuditEvent.after))
        .where(col(AuditEvent.target_kind) == "token", col(AuditEvent.target_id) == token["id"])
        .order_by(col(AuditEvent.id))
    )
    found = await serving.stores.database.read(lambda one: one.execute(wanted).all())
    assert [row[0] for row in found] == ["token.create", "token.change", "token.regenerate", "token.revoke"]
    assert {row[1] for row in found} == {ada.account_id}
    assert "导入" in str(found[0][3])
    for secret in (token["token"], again["token"]):
        assert secret.rpartition("_")[2] not in str(found)


async def test_the_text_of_a_token_is_nowhere_but_in_the_first_answer(
    serving: Serving, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = await somebody(serving, "owner")
    await serving.published(greeting(), key="greet")
    answers: list[str] = []
    async with await at_a_browser(serving, ada) as page:
        token = await made(page, space_id=str(ada.space_id))
        async with client_of(serving.app, token["token"]) as client:
            for method, path, body in (
                ("POST", "/api/v1/workflows/greet/runs", {"inputs": {"name": "Ada"}}),
                ("GET", "/api/v1/workflows", None),
                ("GET", "/api/v1/nothing", None),
                ("POST", "/api/v1/tokens", {"name": "x"}),
                ("GET", "/v1/users/me", None),
                ("GET", "/v1/nothing", None),
            ):
                answer = await client.request(method, path, json=body)
                answers.append(answer.text + str(answer.headers))
        for path in ("/api/v1/tokens", f"/api/v1/tokens/{token['id']}"):
            answers.append((await page.get(path)).text)
        await page.delete(f"/api/v1/tokens/{token['id']}")
        async with client_of(serving.app, token["token"]) as client:
            answers.append((await client.get("/api/v1/workflows")).text)
    secret = token["token"][len(token["prefix"]) :]
    printed = capsys.readouterr()
    assert secret not in "".join(answers) + caplog.text + printed.out + printed.err
    with closing(sqlite3.connect(tmp_path / "mainspring.sqlite")) as connection:
        assert secret not in "\n".join(connection.iterdump())
    assert [file for file in _files(tmp_path) if secret.encode() in file.read_bytes()] == []


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def _spaces(serving: Serving, one: Somebody) -> list[int]:
    mine = select(col(SpaceMember.space_id)).where(col(SpaceMember.account_id) == one.account_id)
    return await serving.stores.database.read(lambda connection: [*connection.scalars(mine)])


async def _own(serving: Serving, one: Somebody) -> int:
    return next(space for space in await _spaces(serving, one) if space != one.space_id)
