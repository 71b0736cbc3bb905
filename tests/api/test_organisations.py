"""The tree of organisations: who reaches what, and that it stays a tree whoever moves what at once."""

import asyncio
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from tests.api.companies import deeds_about, made, posted, root, space_of
from tests.api.drawings import greeting
from tests.api.people import somebody
from tests.api.serving import Serving

GROUP = "华夏集团"


async def moved(client: AsyncClient, org: str, parent: str | None) -> Response:
    return await client.post(f"/api/v1/organisations/{org}/move", json={"parent_id": parent})


async def shown(client: AsyncClient, org: str) -> dict[str, Any]:
    return dict((await client.get(f"/api/v1/organisations/{org}")).json())


async def test_organisations_stand_in_a_tree_with_paths(serving: Serving) -> None:
    boss = (await root(serving)).client
    group = await made(boss, GROUP, kind="group", key="huaxia")
    company = await made(boss, "华东公司", group["id"])
    branch = await made(boss, "杭州分公司", company["id"], kind="branch")
    assert (await shown(boss, "huaxia"))["path"] == GROUP
    assert branch["path"] == "华夏集团/华东公司/杭州分公司"
    tree = (await boss.get("/api/v1/organisation-tree", params={"root": "huaxia", "counts": True})).json()["items"]
    assert [one["name"] for one in tree[0]["organisations"][0]["organisations"]] == ["杭州分公司"]
    assert (tree[0]["employees"], tree[0]["departments"]) == (0, None)
    cut = (await boss.get("/api/v1/organisation-tree", params={"root": group["id"], "depth": 2})).json()["items"]
    assert (cut[0]["more"], cut[0]["organisations"][0]["more"]) == (False, True)
    listed = (await boss.get("/api/v1/organisations", params={"search": "公司", "parent_id": group["id"]})).json()
    assert [one["id"] for one in listed["items"]] == [company["id"]]


async def test_a_new_organisation_has_a_space_to_begin_in(serving: Serving) -> None:
    boss = await root(serving)
    org = await made(boss.client, "新公司")
    spaces = await serving.stores.organisations.spaces(int(org["id"]))
    assert [(one.key, one.kind) for one in spaces] == [("default", "team")]


async def test_a_change_leaves_the_parent_where_it_is(serving: Serving) -> None:
    boss = (await root(serving)).client
    group = await made(boss, GROUP, kind="group")
    company = await made(boss, "公司", group["id"])
    changed = await boss.patch(f"/api/v1/organisations/{company['id']}", json={"name": "新名"})
    assert (changed.json()["name"], changed.json()["parent_id"]) == ("新名", group["id"])
    assert (await boss.patch(f"/api/v1/organisations/{company['id']}", json={})).json()["name"] == "新名"


@pytest.mark.parametrize(("kind", "above"), [("group", "company"), ("group", "branch"), ("company", "branch")])
async def test_nothing_stands_below_something_smaller(serving: Serving, kind: str, above: str) -> None:
    boss = (await root(serving)).client
    top = await made(boss, GROUP, kind="group")
    parent = await made(boss, "上级", top["id"], kind=above)
    refused = await boss.post("/api/v1/organisations", json={"name": "下级", "kind": kind, "parent_id": parent["id"]})
    assert (refused.status_code, refused.json()["facts"]["field"]) == (409, "kind")
    elsewhere = await made(boss, "别处", top["id"], kind=kind)
    assert (await moved(boss, elsewhere["id"], parent["id"])).status_code == 409
    # And what has something below it does not become too small for that.
    fits = await made(boss, "合适", elsewhere["id"], kind=kind)
    assert fits["kind"] == kind
    smaller = await boss.patch(f"/api/v1/organisations/{elsewhere['id']}", json={"kind": above})
    assert smaller.status_code == 409


async def test_a_branch_stands_below_something(serving: Serving) -> None:
    boss = (await root(serving)).client
    answer = await boss.post("/api/v1/organisations", json={"name": "孤儿", "kind": "branch"})
    assert answer.status_code == 409


async def test_siblings_have_names_and_all_have_keys_of_their_own(serving: Serving) -> None:
    boss = (await root(serving)).client
    one, two = await made(boss, "甲", key="jia"), await made(boss, "乙")
    for body, field in (({"name": "甲"}, "name"), ({"name": "丙", "key": "jia"}, "key")):
        answer = await boss.post("/api/v1/organisations", json=body)
        assert (answer.status_code, answer.json()["facts"]["field"]) == (409, field)
    assert (await made(boss, "甲", one["id"]))["path"] == "甲/甲"
    assert (await boss.patch(f"/api/v1/organisations/{two['id']}", json={"name": "甲"})).status_code == 409
    below = await made(boss, "甲", two["id"])
    assert (await moved(boss, below["id"], None)).status_code == 409
    assert (await boss.post("/api/v1/organisations", json={"name": "字" * 101})).status_code == 422
    assert (await boss.post("/api/v1/organisations", json={"name": "  "})).status_code == 422
    assert (await boss.post("/api/v1/organisations", json={"name": "数", "key": "123"})).status_code == 422


async def test_nothing_is_moved_below_itself_in_any_number_of_steps(serving: Serving) -> None:
    boss = (await root(serving)).client
    chain = [await made(boss, "一")]
    for name in ("二", "三", "四"):
        chain.append(await made(boss, name, chain[-1]["id"]))
    for below in chain:
        answer = await moved(boss, chain[0]["id"], below["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), answer.text
    assert (await moved(boss, chain[2]["id"], chain[0]["id"])).json()["path"] == "一/三"
    assert (await shown(boss, chain[3]["id"]))["path"] == "一/三/四"


async def test_two_moves_that_would_make_a_circle_together_do_not_both_happen(serving: Serving) -> None:
    boss = (await root(serving)).client
    for turn in range(5):
        one, two = await made(boss, f"甲{turn}"), await made(boss, f"乙{turn}")
        answers = await asyncio.gather(moved(boss, one["id"], two["id"]), moved(boss, two["id"], one["id"]))
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_of_two_who_make_the_same_one_gets_it(serving: Serving) -> None:
    boss = (await root(serving)).client
    body = {"name": "同名", "key": "same"}
    answers = await asyncio.gather(*(boss.post("/api/v1/organisations", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_tree_has_ten_levels_at_most(serving: Serving) -> None:
    boss = (await root(serving)).client
    last = await made(boss, "层")
    for _ in range(9):
        last = await made(boss, "层", last["id"])
    answer = await boss.post("/api/v1/organisations", json={"name": "层", "parent_id": last["id"]})
    assert (answer.status_code, answer.json()["facts"]["field"]) == (409, "parent_id")
    pair = await made(boss, "双")
    await made(boss, "子", pair["id"])
    above = await shown(boss, last["parent_id"])
    assert (await moved(boss, pair["id"], above["id"])).status_code == 409
    assert (await moved(boss, pair["id"], above["parent_id"])).status_code == 200


async def test_siblings_are_put_in_an_order_that_names_each(serving: Serving) -> None:
    boss = (await root(serving)).client
    group = await made(boss, GROUP, kind="group")
    a, b, c = [(await made(boss, name, group["id"]))["id"] for name in ("甲", "乙", "丙")]
    for order in ([a, b], [a, b, c, c], [a, b, group["id"]]):
        body = {"parent_id": group["id"], "order": order}
        assert (await boss.put("/api/v1/organisation-order", json=body)).status_code == 422
    done = await boss.put("/api/v1/organisation-order", json={"parent_id": group["id"], "order": [c, a, b]})
    assert done.status_code == 204
    tree = (await boss.get("/api/v1/organisation-tree", params={"root": group["id"]})).json()["items"][0]
    assert [one["id"] for one in tree["organisations"]] == [c, a, b]


async def test_only_an_empty_organisation_is_deleted_and_what_is_in_it_is_told(serving: Serving) -> None:
    boss = await root(serving)
    org = await made(boss.client, "要走的", key="leaving")
    child = await made(boss.client, "孩子", org["id"])
    place = f"/api/v1/organisations/{org['id']}"
    department = (await boss.client.post(f"{place}/departments", json={"name": "部门"})).json()
    body = {"name": "员工", "departments": [{"department_id": department["id"]}]}
    employee = (await boss.client.post(f"{place}/employees", json=body)).json()
    (space,) = await serving.stores.organisations.spaces(int(org["id"]))
    await serving.stores.workflows(int(org["id"]), space.id).create("流程", greeting())
    refused = (await boss.client.delete(place)).json()
    told = {"organisations": 1, "departments": 1, "employees": 1, "spaces with content": 1}
    assert (refused["status"], refused["facts"]["contents"]) == (409, told)
    assert "1 departments" in refused["detail"]

    workflow = (await serving.stores.workflows(int(org["id"]), space.id).page()).items[0]
    await serving.stores.workflows(int(org["id"]), space.id).delete(workflow.id)
    for what in (f"{place}/employees/{employee['id']}", f"{place}/departments/{department['id']}",
                 f"/api/v1/organisations/{child['id']}", place):  # fmt: skip
        answer = await boss.client.delete(what)
        assert answer.status_code == 204, answer.text
    assert (await boss.client.get(place)).status_code == 404
    assert (await made(boss.client, "要走的", key="leaving"))["key"] == "leaving"


async def test_the_organisation_of_the_first_start_stays(serving: Serving) -> None:
    assert (await serving.delete("/organisations/default")).status_code == 409


async def test_administrators_reach_what_is_below_and_nothing_else(serving: Serving) -> None:
    boss = (await root(serving)).client
    group = await made(boss, GROUP, kind="group")
    company = await made(boss, "华东公司", group["id"])
    branch = await made(boss, "杭州", company["id"], kind="branch")
    other = await made(boss, "华南公司", group["id"])
    admin = (
        await somebody(serving, org_id=int(company["id"]), space_id=await space_of(serving, company), grants=(2,))
    ).client
    listed = (await admin.get("/api/v1/organisations")).json()["items"]
    assert {one["id"] for one in listed} == {company["id"], branch["id"]}
    # What stands above is not told, not even as a name in a path.
    assert ((await shown(admin, company["id"]))["parent_id"], (await shown(admin, branch["id"]))["path"]) == (
        None, "华东公司/杭州",
    )  # fmt: skip
    for foreign in (group["id"], other["id"], "default", "7"):
        where = f"/api/v1/organisations/{foreign}"
        answers = [
            await admin.get(where), await admin.patch(where, json={"name": "我的"}), await admin.delete(where),
            await moved(admin, foreign, company["id"]), await moved(admin, branch["id"], foreign),
            await admin.post("/api/v1/organisations", json={"name": "新", "parent_id": foreign}),
            await admin.get("/api/v1/organisations", params={"parent_id": foreign}),
            await admin.get("/api/v1/organisation-tree", params={"root": foreign}),
            await admin.put("/api/v1/organisation-order", json={"parent_id": foreign, "order": []}),
            await admin.get(f"{where}/departments"), await admin.get(f"{where}/employees"),
            await admin.post(f"{where}/departments", json={"name": "部"}),
        ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert (await made(admin, "宁波", company["id"], kind="branch"))["path"] == "华东公司/宁波"


async def test_the_top_is_for_administrators_of_the_instance(serving: Serving) -> None:
    boss = (await root(serving)).client
    group = await made(boss, GROUP, kind="group")
    company = await made(boss, "公司", group["id"])
    here = int(company["id"])
    admin = (await somebody(serving, org_id=here, space_id=await space_of(serving, company), grants=(2,))).client
    for answer in (
        await admin.post("/api/v1/organisations", json={"name": "新"}),
        await moved(admin, company["id"], None),
        await admin.put("/api/v1/organisation-order", json={"order": []}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


async def test_who_administers_a_branch_alone_does_not_take_it_away(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    branch = await made(boss, "分公司", company["id"], kind="branch")
    nested = await made(boss, "营业部", branch["id"], kind="branch")
    here = int(branch["id"])
    admin = (await somebody(serving, org_id=here, space_id=await space_of(serving, branch), grants=(2,))).client
    assert (await moved(admin, branch["id"], nested["id"])).status_code == 403
    deeper = await made(admin, "柜台", nested["id"], kind="branch")
    assert (await moved(admin, deeper["id"], branch["id"])).status_code == 200


async def test_nobody_widens_what_he_administers_by_moving_organisations(serving: Serving) -> None:
    boss = (await root(serving)).client
    group = await made(boss, GROUP, kind="group")
    mine, other = await made(boss, "我的公司", group["id"]), await made(boss, "别的公司", group["id"])
    admin = await somebody(serving, org_id=int(mine["id"]), space_id=await space_of(serving, mine), grants=(2,))
    body = {"name": "整理", "domain": "organisation", "organisation_id": group["id"]}
    role = await posted(boss, "/roles", permissions=["organisation.view", "organisation.edit"], **body)
    given = {"account_id": str(admin.account_id), "organisation_id": group["id"]}
    await posted(boss, f"/roles/{role['id']}/grants", **given)
    refused = await moved(admin.client, other["id"], mine["id"])
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert (await admin.client.get("/api/v1/accounts", params={"organisation": other["id"]})).status_code == 404
    # What begins to hold by the move, he has here already.
    assert (await moved(boss, other["id"], mine["id"])).status_code == 200
    assert (await moved(admin.client, other["id"], group["id"])).status_code == 200


async def test_people_without_a_role_in_organisations_see_none(serving: Serving) -> None:
    one = await somebody(serving, "owner")
    for path in ("/organisations", "/organisation-tree", "/organisations/default"):
        assert (await one.client.get(f"/api/v1{path}")).status_code == 403


async def test_a_move_brings_in_the_administrators_of_the_new_place_at_once(serving: Serving) -> None:
    boss = (await root(serving)).client
    east, west = await made(boss, "东"), await made(boss, "西")
    admin = (
        await somebody(serving, org_id=int(east["id"]), space_id=await space_of(serving, east), grants=(2,))
    ).client
    assert (await admin.get(f"/api/v1/organisations/{west['id']}")).status_code == 404
    await moved(boss, west["id"], east["id"])
    assert (await shown(admin, west["id"]))["path"] == "东/西"
    await moved(boss, west["id"], None)
    assert (await admin.get(f"/api/v1/organisations/{west['id']}")).status_code == 404


async def test_what_is_done_to_organisations_is_written_down(serving: Serving) -> None:
    boss = await root(serving)
    org = await made(boss.client, "公司")
    await boss.client.patch(f"/api/v1/organisations/{org['id']}", json={"name": "新公司"})
    await boss.client.delete(f"/api/v1/organisations/{org['id']}")
    deeds = await deeds_about(serving, org["id"])
    assert [one.action for one in deeds] == ["organisation.create", "organisation.change", "organisation.delete"]
    assert (deeds[1].before, deeds[1].after, deeds[1].account_id) == (
        {"name": "公司"},
        {"name": "新公司"},
        boss.account_id,
    )


async def test_pages_go_on_where_they_ended(serving: Serving) -> None:
    boss = (await root(serving)).client
    ids = [(await made(boss, f"公司{number}"))["id"] for number in range(5)]
    first = (await boss.get("/api/v1/organisations", params={"limit": 3})).json()
    second = (await boss.get("/api/v1/organisations", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [one["id"] for one in first["items"] + second["items"]][:5] == ids[::-1]
    assert second["next_cursor"] is None
