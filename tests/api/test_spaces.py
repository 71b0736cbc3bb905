"""Spaces and who works in them: ranks that nobody gets beyond, ends that come by themselves, races that end well."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from storage.callers import rights_changed
from storage.clock import now_ms
from storage.tables import AccessToken, Account, SpaceMember
from tests.api.drawings import greeting
from tests.api.people import Somebody, another_organisation, somebody
from tests.api.serving import Serving

API = "/api/v1"


async def team(owner: Somebody, name: str = "市场部", **fields: Any) -> dict[str, Any]:
    answer = await owner.client.post(f"{API}/spaces", json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def invited(by: Somebody, space: str, who: Somebody, role: str = "editor", **fields: Any) -> str:
    body = {"members": [{"account_id": str(who.account_id), "role": role, **fields}]}
    answer = await by.client.post(f"{API}/spaces/{space}/members", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["items"][0]["outcome"])


async def deeds(serving: Serving, action: str) -> list[dict[str, Any]]:
    answer = await serving.get("/audit", action=action)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


# --- spaces -----------------------------------------------------------------------------------------------------------


async def test_anybody_makes_a_team_space_and_owns_it(serving: Serving) -> None:
    li = await somebody(serving)
    made = await team(li, description="为市场部的同事")
    assert (made["name"], made["kind"], made["role"]) == ("市场部", "team", "owner")
    assert made["organisation_id"] == str(li.org_id)
    mine = (await li.client.get(f"{API}/spaces")).json()["items"]
    assert (mine[0]["id"], mine[0]["kind"]) == (made["id"], "team")
    assert {one["kind"] for one in mine} == {"team", "personal"}
    seen = await li.client.get(f"{API}/workflows", headers={"X-Space-ID": made["id"]})
    assert seen.status_code == 200
    assert [(one["target_name"], one["actor"]) for one in await deeds(serving, "space.create")] == [
        ("市场部", "王小明")
    ]


async def test_the_key_is_like_the_name_or_as_it_is_given(serving: Serving) -> None:
    li = await somebody(serving)
    assert (await team(li, "Market Team"))["key"] == "market-team"
    assert (await team(li, "Market Team"))["key"].startswith("market-team-")
    assert (await team(li, "x", key="mine"))["key"] == "mine"
    taken = await li.client.post(f"{API}/spaces", json={"name": "y", "key": "mine"})
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (409, "key")
    assert (await li.client.get(f"{API}/spaces/mine")).status_code == 200
    for key in ("default", "123", "No!"):
        assert (await li.client.post(f"{API}/spaces", json={"name": "y", "key": key})).status_code == 422, key


async def test_who_is_no_member_finds_no_space(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/transfer", {"account": str(wang.account_id)}),
        ("POST", "/leave", {}),
        ("GET", "/members", None),
        ("POST", "/members", {"members": [{"account_id": str(wang.account_id)}]}),
        ("GET", f"/members/{li.account_id}", None),
        ("PATCH", f"/members/{li.account_id}", {"role": "viewer"}),
        ("DELETE", f"/members/{li.account_id}", None),
    ):
        answer = await wang.client.request(method, f"{API}/spaces/{space}{path}", json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert space not in [one["id"] for one in (await wang.client.get(f"{API}/spaces")).json()["items"]]


async def test_the_path_names_the_space_whatever_the_header_says(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space, other = (await team(li))["id"], (await team(wang))["id"]
    answer = await wang.client.patch(f"{API}/spaces/{space}", json={"name": "x"}, headers={"X-Space-ID": other})
    assert answer.status_code == 404
    answer = await li.client.get(f"{API}/spaces/{space}", headers={"X-Space-ID": other})
    assert answer.json()["id"] == space


async def test_an_administrator_changes_the_space_and_an_editor_does_not(serving: Serving) -> None:
    li, wang, zhao = [await somebody(serving) for _ in range(3)]
    space = (await team(li))["id"]
    assert await invited(li, space, wang, "admin") == "added"
    assert await invited(li, space, zhao, "editor") == "added"
    body = {"name": "新名字", "description": "新的说明", "icon": "file:1"}
    changed = await wang.client.patch(f"{API}/spaces/{space}", json=body)
    assert (changed.status_code, changed.json()["name"], changed.json()["role"]) == (200, "新名字", "admin")
    assert (await zhao.client.patch(f"{API}/spaces/{space}", json=body)).status_code == 403
    assert (await wang.client.delete(f"{API}/spaces/{space}")).status_code == 403
    [deed] = await deeds(serving, "space.change")
    assert (deed["before"]["name"], deed["after"]["name"]) == ("市场部", "新名字")


async def test_a_deleted_space_is_gone_until_an_administrator_restores_it(serving: Serving) -> None:
    li, admin = await somebody(serving), await somebody(serving, grants=(2,))
    space = (await team(li, "Team", key="team"))["id"]
    header = {"X-Space-ID": space}
    drawn = await li.client.post(f"{API}/workflows", json={"name": "你好", "canvas": greeting()}, headers=header)
    assert drawn.status_code == 201
    assert (await li.client.delete(f"{API}/spaces/{space}")).status_code == 204
    assert (await li.client.get(f"{API}/spaces/{space}")).status_code == 404
    assert (await li.client.get(f"{API}/workflows", headers=header)).status_code == 404
    assert (await team(li, "Team", key="team"))["key"] == "team"
    gone = (await admin.client.get(f"{API}/spaces", params={"deleted": True})).json()["items"]
    assert [(one["id"], one["key"], one["deleted"] is not None) for one in gone] == [(space, "team", True)]
    assert (await li.client.post(f"{API}/spaces/{space}/restore")).status_code == 403
    back = await admin.client.post(f"{API}/spaces/{space}/restore")
    assert (back.status_code, back.json()["key"]) == (200, f"team-{space}")
    kept = (await li.client.get(f"{API}/workflows", headers=header)).json()["items"]
    assert [one["name"] for one in kept] == ["你好"]
    assert (await admin.client.post(f"{API}/spaces/{space}/restore")).status_code == 404


async def test_personal_and_default_spaces_are_not_deleted_and_personal_ones_take_no_members(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    admin = await somebody(serving, grants=(2,))
    home = await serving.stores.organisations.ensure_default()
    for space in (li.space_id, home.space_id):
        assert (await admin.client.delete(f"{API}/spaces/{space}")).status_code == 409
    body = {"members": [{"account_id": str(wang.account_id)}]}
    assert (await li.client.post(f"{API}/spaces/{li.space_id}/members", json=body)).status_code == 409
    assert (await li.client.post(f"{API}/spaces/{li.space_id}/leave")).status_code == 409
    transfer = {"account": str(wang.account_id)}
    assert (await li.client.post(f"{API}/spaces/{li.space_id}/transfer", json=transfer)).status_code == 409


async def test_who_manages_spaces_sees_all_of_them_and_lets_himself_in(serving: Serving) -> None:
    li, admin = await somebody(serving), await somebody(serving, grants=(2,), name="管理员")
    space = (await team(li))["id"]
    assert space not in [one["id"] for one in (await admin.client.get(f"{API}/spaces")).json()["items"]]
    everything = (await admin.client.get(f"{API}/spaces", params={"all": True})).json()["items"]
    assert space in [one["id"] for one in everything]
    inside = await admin.client.get(f"{API}/workflows", headers={"X-Space-ID": space})
    assert inside.status_code == 404
    assert await invited(admin, space, admin, "owner") == "added"
    assert (await admin.client.get(f"{API}/workflows", headers={"X-Space-ID": space})).status_code == 200
    [deed] = await deeds(serving, "member.invite")
    assert (deed["actor"], deed["target_name"], deed["after"]["role"]) == ("管理员", "管理员", "owner")
    assert (await li.client.get(f"{API}/spaces", params={"all": True})).status_code == 403


async def test_spaces_of_another_organisation_are_out_of_reach_of_its_neighbours_administrator(
    serving: Serving,
) -> None:
    org, _ = await another_organisation(serving)
    li, admin = await somebody(serving), await somebody(serving, org_id=org, grants=(2,))
    space = (await team(li))["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/members"), ("POST", "/restore")):
        answer = await admin.client.request(method, f"{API}/spaces/{space}{path}")
        assert answer.status_code == 404, (method, path)
    listed = (await admin.client.get(f"{API}/spaces", params={"all": True})).json()["items"]
    assert {one["organisation_id"] for one in listed} == {str(org)}
    made = await admin.client.post(f"{API}/spaces", json={"name": "x", "organisation_id": str(li.org_id)})
    assert made.status_code == 404


async def test_the_token_of_the_data_folder_makes_spaces_for_others(serving: Serving) -> None:
    li = await somebody(serving)
    made = await serving.post("/spaces", {"name": "研发部", "owner": str(li.account_id)})
    assert (made.status_code, made.json()["role"]) == (201, "")
    assert (await li.client.get(f"{API}/spaces/{made.json()['id']}")).json()["role"] == "owner"
    wang = await somebody(serving)
    refused = await wang.client.post(f"{API}/spaces", json={"name": "x", "owner": str(li.account_id)})
    assert refused.status_code == 403


# --- members ----------------------------------------------------------------------------------------------------------


async def test_people_are_invited_by_id_or_by_e_mail_several_at_once(serving: Serving) -> None:
    li, wang, zhao = [await somebody(serving) for _ in range(3)]
    org, _ = await another_organisation(serving)
    stranger = await somebody(serving, org_id=org)
    space = (await team(li))["id"]
    asked = [
        {"account_id": str(wang.account_id), "role": "viewer"},
        {"email": f"A{zhao.account_id}@Example.com"},
        {"account_id": str(stranger.account_id)},
        {"email": "nobody@example.com"},
        {"account_id": str(li.account_id), "role": "viewer"},
    ]
    answer = await li.client.post(f"{API}/spaces/{space}/members", json={"members": asked})
    outcomes = [(one["outcome"], one["member"] and one["member"]["role"]) for one in answer.json()["items"]]
    assert outcomes == [
        ("added", "viewer"), ("added", "editor"), ("unknown", None), ("unknown", None), ("already_member", "owner"),
    ]  # fmt: skip
    listed = (await wang.client.get(f"{API}/spaces/{space}/members")).json()["items"]
    assert {(one["account_id"], one["role"]) for one in listed} == {
        (str(li.account_id), "owner"), (str(wang.account_id), "viewer"), (str(zhao.account_id), "editor"),
    }  # fmt: skip
    one = await li.client.get(f"{API}/spaces/{space}/members", params={"role": "viewer", "limit": 1})
    assert [row["account_id"] for row in one.json()["items"]] == [str(wang.account_id)]


async def test_a_company_of_the_same_group_may_be_invited(serving: Serving) -> None:
    group, _ = await another_organisation(serving, "集团")
    company, _ = await another_organisation(serving, "公司", parent_id=group)
    branch, _ = await another_organisation(serving, "分公司", parent_id=group)
    li, wang = await somebody(serving, org_id=company), await somebody(serving, org_id=branch)
    space = (await team(li))["id"]
    assert await invited(li, space, wang) == "added"
    assert (await wang.client.get(f"{API}/workflows", headers={"X-Space-ID": space})).status_code == 200


async def test_nobody_invites_above_his_own_role(serving: Serving) -> None:
    li, wang, zhao = [await somebody(serving) for _ in range(3)]
    space = (await team(li))["id"]
    await invited(li, space, wang, "admin")
    body = {"members": [{"account_id": str(zhao.account_id), "role": "owner"}]}
    assert (await wang.client.post(f"{API}/spaces/{space}/members", json=body)).status_code == 403
    assert await invited(wang, space, zhao, "admin") == "added"
    for who, role in ((wang, "owner"), (zhao, "owner"), (li, "viewer")):
        answer = await wang.client.patch(f"{API}/spaces/{space}/members/{who.account_id}", json={"role": role})
        assert answer.status_code == 403, role
    assert (await wang.client.delete(f"{API}/spaces/{space}/members/{li.account_id}")).status_code == 403
    lowered = await wang.client.patch(f"{API}/spaces/{space}/members/{zhao.account_id}", json={"role": "viewer"})
    assert (lowered.status_code, lowered.json()["role"]) == (200, "viewer")
    assert (await zhao.client.post(f"{API}/spaces/{space}/members", json=body)).status_code == 403
    assert (await zhao.client.delete(f"{API}/spaces/{space}/members/{wang.account_id}")).status_code == 403


async def test_a_token_of_narrow_scope_gives_nobody_more_than_it_has(serving: Serving) -> None:
    li = await somebody(serving, "owner", scopes=["member.*", "space.view"])
    wang = await somebody(serving)
    body = {"members": [{"account_id": str(wang.account_id), "role": "viewer"}]}
    assert (await li.client.post(f"{API}/spaces/{li.space_id}/members", json=body)).status_code == 403


async def test_a_role_changes_at_the_next_request(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    await invited(li, space, wang, "editor")
    header = {"X-Space-ID": space}
    body = {"name": "流程", "canvas": greeting()}
    assert (await wang.client.post(f"{API}/workflows", json=body, headers=header)).status_code == 201
    await li.client.patch(f"{API}/spaces/{space}/members/{wang.account_id}", json={"role": "viewer"})
    assert (await wang.client.post(f"{API}/workflows", json=body, headers=header)).status_code == 403
    await li.client.delete(f"{API}/spaces/{space}/members/{wang.account_id}")
    assert (await wang.client.get(f"{API}/workflows", headers=header)).status_code == 404


async def test_a_membership_ends_by_itself(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    past = await li.client.post(
        f"{API}/spaces/{space}/members", json={"members": [{"account_id": str(wang.account_id), "expires": 1}]}
    )
    assert past.status_code == 422
    await invited(li, space, wang, expires=now_ms() + 600)
    header = {"X-Space-ID": space}
    assert (await wang.client.get(f"{API}/workflows", headers=header)).status_code == 200
    while (await wang.client.get(f"{API}/workflows", headers=header)).status_code == 200:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    listed = (await li.client.get(f"{API}/spaces/{space}/members")).json()["items"]
    assert [one["account_id"] for one in listed] == [str(li.account_id)]
    assert space not in [one["id"] for one in (await wang.client.get(f"{API}/spaces")).json()["items"]]
    assert await invited(li, space, wang) == "added"


async def test_an_end_is_moved_and_taken_away_but_owners_have_none(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    await invited(li, space, wang, expires=now_ms() + 3_600_000)
    there = f"{API}/spaces/{space}/members/{wang.account_id}"
    later = now_ms() + 7_200_000
    assert (await li.client.patch(there, json={"expires": later})).json()["expires"] == later
    assert (await li.client.patch(there, json={"role": "admin"})).json()["expires"] == later
    assert (await li.client.patch(there, json={"expires": None})).json()["expires"] is None
    assert (await li.client.patch(there, json={"role": "owner", "expires": later})).status_code == 422
    await li.client.patch(there, json={"expires": later})
    assert (await li.client.patch(there, json={"role": "owner"})).json()["expires"] is None


async def test_a_double_invitation_at_once_makes_one_member_and_tells_so(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    told = await asyncio.gather(*(invited(li, space, wang) for _ in range(8)))
    assert sorted(told) == ["added", *["already_member"] * 7]
    assert len(await deeds(serving, "member.invite")) == 1


async def test_the_last_owner_stays(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    await invited(li, space, wang, "admin")
    assert (await li.client.post(f"{API}/spaces/{space}/leave")).status_code == 409
    me = f"{API}/spaces/{space}/members/{li.account_id}"
    assert (await li.client.patch(me, json={"role": "admin"})).status_code == 409
    assert (await li.client.delete(me)).status_code == 409
    admin = await somebody(serving, grants=(2,))
    assert (await admin.client.delete(me)).status_code == 409
    assert (await wang.client.post(f"{API}/spaces/{space}/leave")).status_code == 204


async def test_an_owner_who_cannot_log_in_is_none_to_stay_behind(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    await invited(li, space, wang, "owner")
    disable = update(Account).where(col(Account.id) == wang.account_id).values(disabled=1)
    await serving.stores.database.write(lambda connection: connection.execute(disable).close())
    assert (await li.client.post(f"{API}/spaces/{space}/leave")).status_code == 409


@pytest.mark.parametrize("how", ["leave", "remove each other", "step down"])
async def test_of_two_owners_who_go_at_once_one_stays(serving: Serving, how: str) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    await invited(li, space, wang, "owner")
    there = f"{API}/spaces/{space}"
    match how:
        case "leave":
            tries = [one.client.post(f"{there}/leave") for one in (li, wang)]
        case "step down":
            body = {"role": "viewer"}
            tries = [one.client.patch(f"{there}/members/{one.account_id}", json=body) for one in (li, wang)]
        case _:
            tries = [li.client.delete(f"{there}/members/{wang.account_id}"),
                     wang.client.delete(f"{there}/members/{li.account_id}")]  # fmt: skip
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*tries)])
    assert statuses[0] in (200, 204)
    assert statuses[1] in (404, 409)
    owners = await serving.get(f"/spaces/{space}/members", role="owner")
    assert len(owners.json()["items"]) == 1


async def test_a_space_is_transferred_and_its_owner_becomes_an_administrator(serving: Serving) -> None:
    li, wang = await somebody(serving), await somebody(serving)
    space = (await team(li))["id"]
    given = await li.client.post(f"{API}/spaces/{space}/transfer", json={"account": f"a{wang.account_id}@example.com"})
    assert (given.status_code, given.json()["role"]) == (200, "owner")
    assert (await li.client.get(f"{API}/spaces/{space}")).json()["role"] == "admin"
    assert (
        await li.client.post(f"{API}/spaces/{space}/transfer", json={"account": str(li.account_id)})
    ).status_code == 403
    [deed] = await deeds(serving, "space.transfer")
    assert (deed["before"]["owners"], deed["target_id"]) == ([str(li.account_id)], str(wang.account_id))


async def test_a_token_of_certain_spaces_lists_only_those_and_makes_none(serving: Serving) -> None:
    li = await somebody(serving)
    one, two = (await team(li, "甲"))["id"], (await team(li, "乙"))["id"]
    token = update(AccessToken).where(col(AccessToken.account_id) == li.account_id)

    def narrow(connection: Any) -> None:
        connection.execute(token.values(spaces=[one], space_id=int(one)))
        rights_changed(connection)

    await serving.stores.database.write(narrow)
    assert [row["id"] for row in (await li.client.get(f"{API}/spaces")).json()["items"]] == [one]
    assert (await li.client.get(f"{API}/spaces/{two}")).status_code == 404
    assert (await li.client.post(f"{API}/spaces", json={"name": "丙"})).status_code == 403


async def test_an_account_that_is_gone_is_still_listed_as_a_member(serving: Serving) -> None:
    li = await somebody(serving)
    space = (await team(li))["id"]
    row = {"space_id": int(space), "account_id": 77, "role": "viewer", "invited_by": 0, "created": 1, "updated": 1}
    await serving.stores.database.write(
        lambda connection: connection.execute(SpaceMember.__table__.insert().values(row)).close()  # type: ignore[attr-defined]
    )
    listed = (await li.client.get(f"{API}/spaces/{space}/members")).json()["items"]
    assert [(one["account_id"], one["disabled"]) for one in listed if one["role"] == "viewer"] == [("77", True)]
