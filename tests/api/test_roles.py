"""Roles of one's own and to whom they are given: nobody gives what he has not, and what changes acts at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, insert
from sqlmodel import col

from api.errors import PermissionDenied
from api.permissions import BUILT_IN, OF_ORGANISATIONS, OF_SPACES, RANKS, Permission
from api.roles.catalogue import RESOURCES, TEXTS
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.ids import new_id
from storage.tables import Department, Employee, EmployeeDepartment, RoleGrant
from tests.api.people import Somebody, another_organisation, somebody
from tests.api.serving import Serving

API = "/api/v1"


async def role_of(admin: Somebody, *permissions: str, name: str = "人事专员", **fields: Any) -> dict[str, Any]:
    answer = await admin.client.post(f"{API}/roles", json={"name": name, "permissions": [*permissions], **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def give(by: Somebody, role: str, to: Somebody, **fields: Any) -> Any:
    body = {"account_id": str(to.account_id), **fields}
    return await by.client.post(f"{API}/roles/{role}/grants", json=body)


async def department_of(serving: Serving, org_id: int, *people: Somebody, parent_id: int = 0) -> int:
    id_, now = new_id(), now_ms()

    def job(connection: Connection) -> None:
        row = {"id": id_, "org_id": org_id, "parent_id": parent_id, "name": f"部门{id_}", "position": 0, "disabled": 0}
        connection.execute(insert(Department).values(created=now, updated=now, description="", **row))
        for one in people:
            employee = new_id()
            row = {"id": employee, "org_id": org_id, "account_id": one.account_id, "name": "员工", "en_name": ""}
            row |= {"nickname": "", "avatar": "", "state": "active", "created": now, "updated": now}
            connection.execute(insert(Employee).values(row))
            place = {"employee_id": employee, "department_id": id_, "job_title": "", "is_primary": 1, "active": 1}
            connection.execute(insert(EmployeeDepartment).values(created=now, **place))
        rights_changed(connection)

    await serving.stores.database.write(job)
    return id_


async def may(who: Somebody, permission: str) -> bool:
    answer = await who.client.get(f"{API}/me/permissions")
    return permission in [one["permission"] for one in answer.json()["permissions"]]


# --- what there is ----------------------------------------------------------------------------------------------------


def test_every_permission_has_a_title_in_both_languages() -> None:
    assert {*TEXTS} == {*Permission}
    assert {one.resource for one in Permission} == {*RESOURCES}
    for title, _, chinese, _ in TEXTS.values():
        assert title
        assert not chinese.isascii()


async def test_the_catalogue_is_a_matrix_in_the_readers_language(serving: Serving) -> None:
    viewer = await somebody(serving, "viewer")
    items = (await viewer.client.get(f"{API}/permissions")).json()["items"]
    points = [one for row in items for one in row["permissions"]]
    assert [one["permission"] for one in points] == [one.value for one in Permission]
    assert {one["permission"] for one in points if one["grantable"]} == OF_ORGANISATIONS | OF_SPACES
    assert items[0]["title"] == "Workflows"
    chinese = await viewer.client.get(f"{API}/permissions", headers={"Accept-Language": "zh-CN"})
    assert chinese.json()["items"][0]["permissions"][0]["title"] == "查看工作流"


async def test_built_in_roles_are_listed_and_stay_as_they_are(serving: Serving) -> None:
    admin = await somebody(serving, grants=(1, 2))
    mine = await role_of(admin, "employee.view", key="hr")
    listed = (await admin.client.get(f"{API}/roles")).json()["items"]
    assert [one["key"] for one in listed] == [*(one.key for one in BUILT_IN.values()), "hr"]
    assert (await admin.client.get(f"{API}/roles/space_editor")).json()["id"] == "12"
    for ref in ("2", "organisation_admin", "12"):
        assert (await admin.client.patch(f"{API}/roles/{ref}", json={"revision": 1, "name": "x"})).status_code == 409
        assert (await admin.client.delete(f"{API}/roles/{ref}")).status_code == 409
    found = (await admin.client.get(f"{API}/roles", params={"search": "人事"})).json()["items"]
    assert [one["id"] for one in found] == [mine["id"]]


async def test_a_role_is_changed_with_its_revision_and_deleted_when_nobody_has_it(serving: Serving) -> None:
    admin, li = await somebody(serving, grants=(2,)), await somebody(serving)
    role = await role_of(admin, "employee.view", key="hr")
    there = f"{API}/roles/{role['id']}"
    again = await admin.client.post(f"{API}/roles", json={"name": "y", "key": "hr"})
    assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "key")
    changed = await admin.client.patch(there, json={"revision": 1, "name": "人事经理", "permissions": ["account.view"]})
    assert (changed.json()["revision"], changed.json()["permissions"]) == (2, ["account.view"])
    assert (await admin.client.patch(there, json={"revision": 1, "name": "x"})).status_code == 409
    grants = [(await give(admin, role["id"], one)).json() for one in (li, admin)]
    refused = await admin.client.delete(there)
    assert (refused.status_code, refused.json()["facts"]["grants"]) == (409, 2)
    assert "2 times" in refused.json()["detail"]
    for grant in grants:
        assert (await admin.client.delete(f"{API}/role-grants/{grant['id']}")).status_code == 204
    assert (await admin.client.delete(there)).status_code == 204
    assert (await admin.client.get(there)).status_code == 404
    told = (await serving.get("/audit", action="role.")).json()["items"]
    assert [one["action"] for one in told] == [
        "role.delete", "role.take", "role.take", "role.grant", "role.grant", "role.change", "role.create",
    ]  # fmt: skip
    assert told[-2]["before"]["permissions"] == ["employee.view"]


async def test_of_two_changes_at_once_one_is_made(serving: Serving) -> None:
    admin = await somebody(serving, grants=(2,))
    role = await role_of(admin, "employee.view")
    tries = [
        admin.client.patch(f"{API}/roles/{role['id']}", json={"revision": 1, "name": f"名{number}"})
        for number in range(6)
    ]
    assert sorted([one.status_code for one in await asyncio.gather(*tries)]) == [200, *[409] * 5]


@pytest.mark.parametrize(
    ("permission", "domain"),
    [
        ("model.edit_instance", "organisation"),
        ("organisation.create_root", "organisation"),
        ("organisation.create_root", "space"),
        ("token.edit", "organisation"),
        ("workflow.edit", "organisation"),
        ("employee.view", "space"),
        ("nothing.at_all", "organisation"),
    ],
)
async def test_what_cannot_stand_in_a_role_is_refused_even_to_the_instances_administrator(
    serving: Serving, permission: str, domain: str
) -> None:
    admin = await somebody(serving, grants=(1,))
    body = {"name": "x", "domain": domain, "permissions": [permission]}
    answer = await admin.client.post(f"{API}/roles", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "permissions")


# --- nobody gives what he has not -------------------------------------------------------------------------------------


async def clerk(serving: Serving, admin: Somebody, *permissions: str, **fields: Any) -> Somebody:
    """Somebody with a role of these permissions."""
    role = await role_of(admin, *permissions, name="文员")
    who = await somebody(serving, **fields)
    assert (await give(admin, role["id"], who)).status_code == 201
    return who


async def test_nobody_puts_into_a_role_what_he_has_not(serving: Serving) -> None:
    admin = await somebody(serving, grants=(2,))
    who = await clerk(serving, admin, "role.view", "role.create", "role.edit", "role.grant", "employee.view")
    made = await role_of(who, "employee.view")
    for more in ("account.reset_password", "space.manage", "audit.view"):
        body = {"name": "x", "permissions": ["employee.view", more]}
        refused = await who.client.post(f"{API}/roles", json=body)
        assert (refused.status_code, refused.json()["facts"]["permissions"]) == (403, [more])
        change = {"revision": 1, "permissions": ["employee.view", more]}
        assert (await who.client.patch(f"{API}/roles/{made['id']}", json=change)).status_code == 403
    space = {"name": "x", "domain": "space", "permissions": ["workflow.view"]}
    assert (await who.client.post(f"{API}/roles", json=space)).status_code == 403


async def test_nobody_gives_himself_or_others_a_role_with_more_than_he_has(serving: Serving) -> None:
    admin = await somebody(serving, grants=(2,))
    who = await clerk(serving, admin, "role.view", "role.grant", "employee.view")
    other = await somebody(serving)
    strong = await role_of(admin, "employee.view", "account.reset_password", name="强")
    for role in ("organisation_admin", "auditor", "space_viewer", strong["id"]):
        for to in (who, other):
            assert (await give(who, role, to)).status_code == 403, role
        there = f"{API}/organisations/{who.org_id}/accounts/{who.account_id}/roles"
        assert (await who.client.put(there, json={"role_ids": [role]})).status_code == 403, role
    assert (await give(who, "instance_admin", who, organisation_id="0")).status_code == 404
    assert (await give(admin, "instance_admin", admin, organisation_id="0")).status_code == 404
    assert (await give(admin, "instance_admin", admin)).status_code == 422


async def test_nobody_changes_or_takes_a_role_that_may_more_than_he(serving: Serving) -> None:
    admin = await somebody(serving, grants=(2,))
    who = await clerk(serving, admin, "role.view", "role.edit", "role.grant", "employee.view")
    strong = await role_of(admin, "employee.view", "account.reset_password", name="强")
    there = f"{API}/roles/{strong['id']}"
    assert (await who.client.patch(there, json={"revision": 1, "permissions": []})).status_code == 403
    assert (await who.client.patch(there, json={"revision": 1, "disabled": True})).status_code == 403
    held = (await who.client.get(f"{API}/role-grants", params={"account": str(admin.account_id)})).json()["items"]
    assert [one["role_key"] for one in held] == ["organisation_admin"]
    assert (await who.client.delete(f"{API}/role-grants/{held[0]['id']}")).status_code == 403
    of_admin = f"{API}/organisations/{who.org_id}/accounts/{admin.account_id}/roles"
    assert (await who.client.put(of_admin, json={"role_ids": []})).status_code == 403
    assert await may(admin, "account.reset_password")


async def test_nobody_has_power_over_an_account_that_may_more_than_he(serving: Serving) -> None:
    admin, worker = await somebody(serving, grants=(2,)), await somebody(serving)
    who = await clerk(serving, admin, "account.view", "account.reset_password", "account.disable")
    service, gate = serving.app.state.accounts, serving.app.state.gate
    member = await gate.stand(await serving.stores.callers.by_token(who.token), None)
    # Who gives somebody a password can be that person.
    for permission in (Permission.ACCOUNT_RESET_PASSWORD, Permission.ACCOUNT_DISABLE):
        with pytest.raises(PermissionDenied, match="beyond your own reach"):
            await service.of_others(admin.account_id, member, permission)
        assert (await service.of_others(worker.account_id, member, permission)).id == worker.account_id
    assert (await who.client.post(f"{API}/accounts/{admin.account_id}/disable")).status_code == 403


async def test_a_token_gives_no_more_than_its_scopes(serving: Serving) -> None:
    admin = await somebody(serving, grants=(2,), scopes=["role.*"])
    other = await somebody(serving)
    assert (await role_of(admin, "role.view"))["permissions"] == ["role.view"]
    for body in ({"permissions": ["employee.view"]}, {"permissions": ["workflow.view"], "domain": "space"}):
        assert (await admin.client.post(f"{API}/roles", json={"name": "x", **body})).status_code == 403
    for role in ("organisation_admin", "space_viewer"):
        assert (await give(admin, role, other)).status_code == 403
    reader = await somebody(serving, grants=(2,), scopes=["workflow.*"])
    assert (await reader.client.get(f"{API}/roles")).status_code == 403
    assert (await give(reader, "auditor", other)).status_code == 403


async def test_rights_end_at_the_tree_of_the_organisation(serving: Serving) -> None:
    org, space = await another_organisation(serving)
    admin, foreign = await somebody(serving, grants=(2,)), await somebody(serving, org_id=org, grants=(2,))
    role, theirs = await role_of(admin, "employee.view"), await role_of(foreign, "employee.view")
    assert (await admin.client.get(f"{API}/roles/{theirs['id']}")).status_code == 404
    assert (await admin.client.patch(f"{API}/roles/{theirs['id']}", json={"revision": 1})).status_code == 404
    assert (await admin.client.delete(f"{API}/roles/{theirs['id']}")).status_code == 404
    assert (await give(admin, theirs["id"], admin)).status_code == 404
    assert (await give(admin, role["id"], foreign)).status_code == 404
    assert (await give(admin, role["id"], admin, organisation_id=str(org))).status_code == 404
    assert (await give(admin, "space_viewer", admin, space_id=str(space))).status_code == 404
    body = {"name": "x", "organisation_id": str(org)}
    assert (await admin.client.post(f"{API}/roles", json=body)).status_code == 404
    there = f"{API}/organisations/{org}/accounts/{foreign.account_id}/roles"
    assert (await admin.client.get(there)).status_code == 404
    assert (await admin.client.put(there, json={"role_ids": []})).status_code == 404
    assert (await admin.client.get(f"{API}/accounts/{foreign.account_id}/permissions")).status_code == 404
    assert (await admin.client.get(f"{API}/role-grants", params={"organisation": str(org)})).status_code == 404
    [held] = (await foreign.client.get(f"{API}/role-grants")).json()["items"]
    assert (await admin.client.delete(f"{API}/role-grants/{held['id']}")).status_code == 404


async def test_a_branchs_administrator_uses_the_roles_of_the_group_and_does_not_change_them(serving: Serving) -> None:
    group, _ = await another_organisation(serving, "集团")
    branch, _ = await another_organisation(serving, "分公司", parent_id=group)
    chief, local = (
        await somebody(serving, org_id=group, grants=(2,)),
        await somebody(serving, org_id=branch, grants=(2,)),
    )
    worker = await somebody(serving, org_id=branch)
    role = await role_of(chief, "employee.view")
    listed = await local.client.get(f"{API}/roles", params={"organisation": str(branch)})
    assert role["id"] in [one["id"] for one in listed.json()["items"]]
    assert (await local.client.patch(f"{API}/roles/{role['id']}", json={"revision": 1})).status_code == 403
    assert (await give(local, role["id"], worker, organisation_id=str(group))).status_code == 404
    assert (await give(local, role["id"], worker)).status_code == 201
    found = (await worker.client.get(f"{API}/me/permissions")).json()["permissions"]
    [seen] = [one for one in found if one["permission"] == "employee.view"]
    assert seen["organisation_ids"] == [str(branch)]
    below = await role_of(local, "employee.view", name="分公司的")
    assert (await give(chief, below["id"], worker, organisation_id=str(group))).status_code == 404
    assert (await give(chief, below["id"], worker, organisation_id=str(branch))).status_code == 201


# --- what is given acts -----------------------------------------------------------------------------------------------


async def test_a_change_of_a_role_acts_at_the_next_request(serving: Serving) -> None:
    admin, li = await somebody(serving, grants=(2,)), await somebody(serving)
    role = await role_of(admin, "role.view")
    assert (await li.client.get(f"{API}/roles")).status_code == 403
    grant = (await give(admin, role["id"], li)).json()
    assert (await li.client.get(f"{API}/roles")).status_code == 200
    there = f"{API}/roles/{role['id']}"
    await admin.client.patch(there, json={"revision": 1, "permissions": []})
    assert (await li.client.get(f"{API}/roles")).status_code == 403
    await admin.client.patch(there, json={"revision": 2, "permissions": ["role.view"]})
    assert (await li.client.get(f"{API}/roles")).status_code == 200
    await admin.client.patch(there, json={"revision": 3, "disabled": True})
    assert (await li.client.get(f"{API}/roles")).status_code == 403
    assert (await give(admin, role["id"], admin)).status_code == 409
    await admin.client.patch(there, json={"revision": 4, "disabled": False})
    assert (await li.client.get(f"{API}/roles")).status_code == 200
    await admin.client.delete(f"{API}/role-grants/{grant['id']}")
    assert (await li.client.get(f"{API}/roles")).status_code == 403


async def test_a_department_hands_its_roles_down(serving: Serving) -> None:
    admin, li, wang = await somebody(serving, grants=(2,)), await somebody(serving), await somebody(serving)
    top = await department_of(serving, admin.org_id, wang)
    below = await department_of(serving, admin.org_id, li, parent_id=top)
    answer = await admin.client.post(f"{API}/roles/auditor/grants", json={"department_id": str(top)})
    assert answer.status_code == 201
    assert (answer.json()["department_id"], answer.json()["role_name"]) == (str(top), "Auditor")
    for one in (li, wang):
        assert (await one.client.get(f"{API}/audit")).status_code == 200
    found = (await li.client.get(f"{API}/me/permissions")).json()["permissions"]
    [seen] = [one for one in found if one["permission"] == "audit.view"]
    assert [(one["kind"], one["role"], one["department_id"]) for one in seen["origins"]] == [
        ("role", "auditor", str(top))
    ]
    listed = (await admin.client.get(f"{API}/role-grants", params={"department": str(top)})).json()["items"]
    assert len(listed) == 1
    empty = (await admin.client.get(f"{API}/role-grants", params={"department": str(below)})).json()["items"]
    assert empty == []


async def test_a_role_in_one_space_holds_there_alone(serving: Serving) -> None:
    admin, li = await somebody(serving, grants=(2,)), await somebody(serving)
    one, two = [(await admin.client.post(f"{API}/spaces", json={"name": name})).json()["id"] for name in ("甲", "乙")]
    assert (await give(admin, "space_editor", li, space_id=one)).status_code == 201
    assert (await li.client.get(f"{API}/workflows", headers={"X-Space-ID": one})).status_code == 200
    assert (await li.client.get(f"{API}/workflows", headers={"X-Space-ID": two})).status_code == 404
    assert one in [space["id"] for space in (await li.client.get(f"{API}/spaces")).json()["items"]]
    assert (await give(admin, "auditor", li, space_id=one)).status_code == 422
    assert (await give(admin, "space_viewer", li, space_id=str(li.space_id))).status_code == 409
    own = await role_of(admin, "workflow.view", "run.view", domain="space")
    assert (await give(admin, own["id"], li)).status_code == 201
    assert (await li.client.get(f"{API}/workflows", headers={"X-Space-ID": two})).status_code == 200
    assert {one, two} <= {space["id"] for space in (await li.client.get(f"{API}/spaces")).json()["items"]}


async def test_a_grant_ends_by_itself_and_is_then_given_anew(serving: Serving) -> None:
    admin, li = await somebody(serving, grants=(2,)), await somebody(serving)
    assert (await give(admin, "auditor", li, expires=1)).status_code == 422
    assert (await give(admin, "auditor", li, expires=now_ms() + 500)).status_code == 201
    while (await li.client.get(f"{API}/audit")).status_code == 200:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert (await give(admin, "auditor", li)).status_code == 201
    assert (await give(admin, "auditor", li)).status_code == 409


async def test_of_two_equal_grants_at_once_one_is_made(serving: Serving) -> None:
    admin, li = await somebody(serving, grants=(2,)), await somebody(serving)
    statuses = [one.status_code for one in await asyncio.gather(*(give(admin, "auditor", li) for _ in range(5)))]
    assert sorted(statuses) == [201, 409, 409, 409, 409]


async def test_the_roles_of_an_account_are_replaced_all_at_once(serving: Serving) -> None:
    admin, li = await somebody(serving, grants=(2,)), await somebody(serving)
    mine = await role_of(admin, "employee.view")
    there = f"{API}/organisations/{admin.org_id}/accounts/{li.account_id}/roles"
    given = await admin.client.put(there, json={"role_ids": ["auditor", mine["id"], mine["id"]]})
    assert {one["role_key"] for one in given.json()["items"]} == {"auditor", mine["key"]}
    given = await admin.client.put(there, json={"role_ids": ["2", mine["id"]]})
    assert {one["role_id"] for one in given.json()["items"]} == {"2", mine["id"]}
    assert {one["role_id"] for one in (await admin.client.get(there)).json()["items"]} == {"2", mine["id"]}
    refused = await admin.client.put(there, json={"role_ids": ["auditor", "999999"]})
    assert refused.status_code == 404
    assert len((await admin.client.get(there)).json()["items"]) == 2
    assert (await admin.client.put(there, json={"role_ids": []})).json()["items"] == []


async def test_the_last_administrator_of_the_instance_stays_one(serving: Serving) -> None:
    chief, other = await somebody(serving, grants=(1,)), await somebody(serving)
    [grant] = (await chief.client.get(f"{API}/role-grants", params={"role": "instance_admin"})).json()["items"]
    assert (await chief.client.delete(f"{API}/role-grants/{grant['id']}")).status_code == 409
    everywhere = f"{API}/organisations/0/accounts/{chief.account_id}/roles"
    assert (await chief.client.put(everywhere, json={"role_ids": []})).status_code == 409
    second = await give(chief, "instance_admin", other, organisation_id="0")
    assert second.status_code == 201
    both = [chief.client.delete(f"{API}/role-grants/{one}") for one in (grant["id"], second.json()["id"])]
    statuses = [one.status_code for one in await asyncio.gather(*both)]
    assert 204 in statuses
    assert {*statuses} <= {204, 403, 409}
    count = await serving.stores.database.read(
        lambda connection: len(
            connection.execute(RoleGrant.__table__.select().where(col(RoleGrant.role_id) == 1)).all()  # type: ignore[attr-defined]
        )
    )
    assert count == 1


@pytest.mark.parametrize("role", [*RANKS, ""])
@pytest.mark.parametrize("grants", [(), (2,), (3, 12), (1,)])
async def test_what_is_told_of_ones_permissions_is_what_holds(
    serving: Serving, role: str, grants: tuple[int, ...]
) -> None:
    who = await somebody(serving, role, grants=grants)
    told = (await who.client.get(f"{API}/me/permissions")).json()
    gate = serving.app.state.gate
    caller = await serving.stores.callers.by_token(who.token)
    member = await gate.stand(caller, None)
    assert {one["permission"] for one in told["permissions"] if one["here"]} == member.permissions
    assert {
        one["permission"]: {int(number) for number in one["organisation_ids"]}
        for one in told["permissions"]
        if one["organisation_ids"]
    } == {one.value: {*where} for one, where in member.reach.items()}
    assert all(one["origins"] for one in told["permissions"])
    assert (told["role"], told["space_id"]) == (role or "owner", str(member.space_id))


async def test_an_administrator_sees_what_an_account_may_and_why(serving: Serving) -> None:
    admin, li = await somebody(serving, grants=(2,)), await somebody(serving, "editor")
    home = await serving.stores.organisations.ensure_default()
    there = f"{API}/accounts/{li.account_id}/permissions"
    outside = (await admin.client.get(there)).json()
    assert {one["domain"] for one in outside["permissions"]} == {"self"}
    inside = (await admin.client.get(there, params={"space": str(home.space_id)})).json()
    assert inside["role"] == "editor"
    [edit] = [one for one in inside["permissions"] if one["permission"] == "workflow.edit"]
    assert [(one["kind"], one["role"]) for one in edit["origins"]] == [("membership", "editor")]
    assert (await li.client.get(there)).status_code == 403


async def test_the_token_of_the_data_folder_may_everything_and_says_why(serving: Serving) -> None:
    told = (await serving.get("/me/permissions")).json()["permissions"]
    assert [one["permission"] for one in told] == [one.value for one in Permission]
    assert told[0]["origins"][0]["kind"] == "instance"
