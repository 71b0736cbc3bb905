"""The departments of an organisation: a tree of their own, whose roles go down."""

import asyncio
from typing import Any

from httpx2 import AsyncClient, Response

from tests.api.companies import admin_of, clerk_of, deeds_about, department, employee, given_to, made, root
from tests.api.people import somebody
from tests.api.serving import Document, Serving


async def moved(client: AsyncClient, org: Document, one: Document, parent: str | None) -> Response:
    where = f"/api/v1/organisations/{org['id']}/departments/{one['id']}/move"
    return await client.post(where, json={"parent_id": parent})


async def changed(client: AsyncClient, org: Document, one: Document, **body: Any) -> Response:
    return await client.patch(f"/api/v1/organisations/{org['id']}/departments/{one['id']}", json=body)


async def got(client: AsyncClient, org: Document, one: Document) -> Document:
    return dict((await client.get(f"/api/v1/organisations/{org['id']}/departments/{one['id']}")).json())


async def test_departments_have_paths_and_levels_through_their_organisations(serving: Serving) -> None:
    boss = (await root(serving)).client
    group = await made(boss, "华夏集团", kind="group")
    company = await made(boss, "华东公司", group["id"])
    research = await department(boss, company, "研发部")
    platform = await department(boss, company, "平台组", research["id"], code="RD-01")
    assert (platform["path"], platform["level"]) == ("华夏集团/华东公司/研发部/平台组", 2)
    admin = (await admin_of(serving, company)).client
    assert (await got(admin, company, platform))["path"] == "华东公司/研发部/平台组"
    await changed(boss, company, research, name="研究院")
    assert (await got(boss, company, platform))["path"] == "华夏集团/华东公司/研究院/平台组"
    found = (await boss.get(f"/api/v1/organisations/{company['id']}/departments", params={"search": "rd-"})).json()
    assert [one["name"] for one in found["items"]] == ["平台组"]


async def test_a_tree_tells_who_works_where_once_each(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    top = await department(boss, company, "总部")
    first, second = [await department(boss, company, name, top["id"]) for name in ("一组", "二组")]
    await employee(boss, company, "李雷", first, second)
    gone = await employee(boss, company, "韩梅梅", second)
    await boss.post(f"/api/v1/organisations/{company['id']}/employees/{gone['id']}/resign", json={})
    where = f"/api/v1/organisations/{company['id']}/departments/tree"
    (node,) = (await boss.get(where, params={"counts": True})).json()["items"]
    assert (node["employees"], [one["employees"] for one in node["departments"]]) == (1, [1, 1])
    (cut,) = (await boss.get(where, params={"depth": 1})).json()["items"]
    assert (cut["employees"], cut["departments"], cut["more"]) == (None, [], True)
    whole = {"root": company["id"], "departments": True, "counts": True}
    (organisation,) = (await boss.get("/api/v1/organisation-tree", params=whole)).json()["items"]
    assert organisation["employees"] == 1
    assert [one["name"] for one in organisation["departments"][0]["departments"]] == ["一组", "二组"]


async def test_a_department_is_moved_within_its_organisation_and_never_below_itself(serving: Serving) -> None:
    boss = (await root(serving)).client
    company, other = await made(boss, "公司"), await made(boss, "另一家")
    chain = [await department(boss, company, "一")]
    for name in ("二", "三"):
        chain.append(await department(boss, company, name, chain[-1]["id"]))
    for below in chain:
        assert (await moved(boss, company, chain[0], below["id"])).status_code == 409
    foreign = await department(boss, other, "外面")
    assert (await moved(boss, company, chain[2], foreign["id"])).status_code == 404
    assert (await moved(boss, company, foreign, None)).status_code == 404
    assert (await moved(boss, company, chain[2], None)).json()["level"] == 1
    assert (await moved(boss, company, chain[0], chain[2]["id"])).json()["path"] == "公司/三/一"


async def test_two_moves_that_would_make_a_circle_together_do_not_both_happen(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    for turn in range(5):
        one, two = [await department(boss, company, f"{name}{turn}") for name in ("甲", "乙")]
        answers = await asyncio.gather(moved(boss, company, one, two["id"]), moved(boss, company, two, one["id"]))
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_siblings_have_names_and_all_have_codes_of_their_own(serving: Serving) -> None:
    boss = (await root(serving)).client
    company, other = await made(boss, "公司"), await made(boss, "另一家")
    one, two = [await department(boss, company, name, code=code) for name, code in (("甲", "A"), ("乙", None))]
    where = f"/api/v1/organisations/{company['id']}/departments"
    for body, field in (({"name": "甲"}, "name"), ({"name": "丙", "code": "A"}, "code")):
        answer = await boss.post(where, json=body)
        assert (answer.status_code, answer.json()["facts"]["field"]) == (409, field)
    assert (await changed(boss, company, two, code="A")).status_code == 409
    assert (await changed(boss, company, two, name="甲")).status_code == 409
    assert (await department(boss, other, "甲", code="A"))["code"] == "A"
    assert (await changed(boss, company, one, code=None)).json()["code"] is None
    assert (await changed(boss, company, two, code="A")).json()["code"] == "A"
    assert (await changed(boss, company, two, name=None, description="部门")).json()["name"] == "乙"


async def test_an_employee_of_the_organisation_leads_until_he_resigns(serving: Serving) -> None:
    boss = (await root(serving)).client
    company, other = await made(boss, "公司"), await made(boss, "另一家")
    research, outside = await department(boss, company, "研发部"), await department(boss, other, "外面")
    leader, stranger = await employee(boss, company, "李雷", research), await employee(boss, other, "外人", outside)
    assert (await changed(boss, company, research, leader_id=stranger["id"])).status_code == 404
    assert (await changed(boss, company, research, leader_id="x")).status_code == 404
    assert (await changed(boss, company, research, leader_id=leader["id"])).json()["leader_id"] == leader["id"]
    assert (await changed(boss, company, research, name="研究院")).json()["leader_id"] == leader["id"]
    await boss.post(f"/api/v1/organisations/{company['id']}/employees/{leader['id']}/resign", json={})
    assert (await got(boss, company, research))["leader_id"] is None
    refused = await changed(boss, company, research, leader_id=leader["id"])
    assert (refused.status_code, refused.json()["facts"]["field"]) == (409, "leader_id")


async def test_nobody_new_comes_into_a_disabled_department(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    closed, open_ = [await department(boss, company, name) for name in ("关", "开")]
    there = await employee(boss, company, "李雷", closed)
    assert (await changed(boss, company, closed, disabled=True)).json()["disabled"] is True
    body = {"name": "新人", "departments": [{"department_id": closed["id"]}]}
    where = f"/api/v1/organisations/{company['id']}/employees"
    assert (await boss.post(where, json=body)).status_code == 409
    # Who is there stays, also when his places are said again.
    places = [{"department_id": closed["id"], "primary": True}, {"department_id": open_["id"]}]
    stays = await boss.put(f"{where}/{there['id']}/departments", json={"departments": places})
    assert [one["name"] for one in stays.json()["departments"]] == ["关", "开"]


async def test_only_an_empty_department_is_deleted(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    top = await department(boss, company, "上")
    below = await department(boss, company, "下", top["id"])
    person = await employee(boss, company, "李雷", top)
    place = f"/api/v1/organisations/{company['id']}"
    refused = (await boss.delete(f"{place}/departments/{top['id']}")).json()
    assert (refused["status"], refused["facts"]["contents"]) == (409, {"departments": 1, "employees": 1})
    assert (await boss.delete(f"{place}/departments/{below['id']}")).status_code == 204
    await boss.post(f"{place}/employees/{person['id']}/resign", json={})
    assert (await boss.delete(f"{place}/departments/{top['id']}")).status_code == 204
    assert (await boss.get(f"{place}/employees/{person['id']}")).json()["departments"] == []
    assert [one.action for one in await deeds_about(serving, top["id"])] == ["department.create", "department.delete"]


async def test_siblings_are_put_in_an_order_that_names_each(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    a, b = [(await department(boss, company, name))["id"] for name in ("甲", "乙")]
    where = f"/api/v1/organisations/{company['id']}/departments"
    assert (await boss.put(f"{where}/order", json={"order": [b]})).status_code == 422
    assert (await boss.put(f"{where}/order", json={"order": [b, a]})).status_code == 204
    assert [one["id"] for one in (await boss.get(f"{where}/tree")).json()["items"]] == [b, a]


async def test_a_tree_has_twenty_levels_at_most(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    last = await department(boss, company, "层")
    for _ in range(19):
        last = await department(boss, company, "层", last["id"])
    answer = await boss.post(
        f"/api/v1/organisations/{company['id']}/departments", json={"name": "层", "parent_id": last["id"]}
    )
    assert (last["level"], answer.status_code) == (20, 409)


async def test_what_a_department_is_given_acts_three_levels_below_at_once(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    one = await department(boss, company, "一")
    two = await department(boss, company, "二", one["id"])
    three = await department(boss, company, "三", two["id"])
    person = await somebody(serving, org_id=int(company["id"]))
    where = f"/api/v1/organisations/{company['id']}"
    hired = await employee(boss, company, "李雷", three, account_id=str(person.account_id))
    assert (await person.client.get(where)).status_code == 403
    await given_to(serving, one["id"], company, 2)
    assert (await person.client.get(where)).status_code == 200
    # Out of the department's branch, and back: rights go with the place, at the next request.
    await moved(boss, company, two, None)
    assert (await person.client.get(where)).status_code == 403
    await moved(boss, company, two, one["id"])
    assert (await person.client.get(where)).status_code == 200
    elsewhere = await department(boss, company, "别处")
    await boss.put(f"{where}/employees/{hired['id']}/departments",
                   json={"departments": [{"department_id": elsewhere["id"]}]})  # fmt: skip
    assert (await person.client.get(where)).status_code == 403


async def test_nobody_places_people_where_roles_are_that_he_may_not_give(serving: Serving) -> None:
    boss = (await root(serving)).client
    company = await made(boss, "公司")
    plain, powerful = [await department(boss, company, name) for name in ("普通", "管理层")]
    below = await department(boss, company, "其下", powerful["id"])
    hired = await employee(boss, company, "李雷", plain)
    await given_to(serving, powerful["id"], company, 2)
    clerk = (await clerk_of(serving, company)).client
    where = f"/api/v1/organisations/{company['id']}"
    for target in (powerful, below):
        places = {"departments": [{"department_id": target["id"]}]}
        answers = [
            await clerk.put(f"{where}/employees/{hired['id']}/departments", json=places),
            await clerk.post(f"{where}/employees", json={"name": "新人", **places}),
            await clerk.post(f"{where}/employees/import", json={"csv": f"name,departments\n新人,{'管理层'}\n"}),
            await moved(clerk, company, plain, target["id"]),
        ]
        assert {answer.status_code for answer in answers} == {403}, [answer.text for answer in answers]
    # Where there are none he may.
    assert (await clerk.post(f"{where}/employees", json={"name": "新人", "departments": [
        {"department_id": plain["id"]}]})).status_code == 201  # fmt: skip
