"""The people of an organisation: where they work, what they log in with, and the day they leave."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from tests.api.companies import admin_of, clerk_of, deeds_about, department, employee, made, root
from tests.api.durable import durable
from tests.api.people import Somebody, somebody
from tests.api.serving import Document, Serving
from tests.api.test_durable_runs import ENDED, in_state, working
from workers.embedded import EmbeddedTemporal


async def company_of(serving: Serving, name: str = "公司") -> tuple[AsyncClient, Document, Document]:
    """An administrator, an organisation, and a department of it."""
    boss = (await root(serving)).client
    org = await made(boss, name)
    return boss, org, await department(boss, org, "研发部")


def people(org: Document, *more: str) -> str:
    return "/".join([f"/api/v1/organisations/{org['id']}/employees", *more])


async def resigned(client: AsyncClient, org: Document, who: Document) -> Response:
    return await client.post(people(org, who["id"], "resign"), json={"reason": "搬家"})


async def restored(client: AsyncClient, org: Document, who: Document, *departments: Document) -> Response:
    places = [{"department_id": one["id"], "primary": one is departments[0]} for one in departments]
    return await client.post(people(org, who["id"], "restore"), json={"departments": places})


async def with_account(serving: Serving, boss: AsyncClient, org: Document, unit: Document) -> tuple[Somebody, Document]:
    """Somebody of the organisation, who can log in and works there."""
    person = await somebody(serving, org_id=int(org["id"]))
    return person, await employee(boss, org, "王小明", unit, account_id=str(person.account_id))


async def test_an_employee_works_in_departments_of_which_one_is_the_primary(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    sales = await department(boss, org, "销售部")
    person = await employee(boss, org, "王小明", research, sales, number="0042", email="Xiao@Example.com", en_name="Xm")
    assert (person["email"], person["number"], person["state"]) == ("xiao@example.com", "0042", "active")
    assert [(one["name"], one["primary"]) for one in person["departments"]] == [("研发部", True), ("销售部", False)]
    only = {"departments": [{"department_id": sales["id"], "job_title": "经理"}]}
    placed = (await boss.put(people(org, person["id"], "departments"), json=only)).json()
    assert [(one["name"], one["job_title"], one["primary"]) for one in placed["departments"]] == [
        ("销售部", "经理", True)
    ]


@pytest.mark.parametrize(
    "places",
    [
        [],
        [{"department_id": "A"}, {"department_id": "B"}],
        [{"department_id": "A", "primary": True}, {"department_id": "B", "primary": True}],
        [{"department_id": "A", "primary": True}, {"department_id": "A"}],
    ],
)
async def test_other_places_are_refused(serving: Serving, places: list[dict[str, Any]]) -> None:
    boss, org, research = await company_of(serving)
    ids = {"A": research["id"], "B": (await department(boss, org, "销售部"))["id"]}
    given = [{**one, "department_id": ids[one["department_id"]]} for one in places]
    person = await employee(boss, org, "王小明", research)
    for answer in (
        await boss.post(people(org), json={"name": "新人", "departments": given}),
        await boss.put(people(org, person["id"], "departments"), json={"departments": given}),
        await boss.post(people(org, person["id"], "restore"), json={"departments": given}),
    ):
        assert answer.status_code == 422, answer.text


async def test_what_is_unique_in_an_organisation_names_its_field(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    taken = {"number": "1", "email": "a@example.com", "mobile": "138"}
    await employee(boss, org, "王小明", research, **taken)
    second = await employee(boss, org, "李雷", research)
    for field, value in taken.items():
        body = {"name": "新人", "departments": [{"department_id": research["id"]}], field: value}
        for answer in (
            await boss.post(people(org), json=body),
            await boss.patch(people(org, second["id"]), json={field: value}),
        ):
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, field)
    other = await made(boss, "另一家")
    assert (await employee(boss, other, "王小明", await department(boss, other, "部"), **taken))["number"] == "1"
    fresh = {"name": "新人", "departments": [{"department_id": research["id"]}], "number": "2"}
    answers = await asyncio.gather(
        boss.patch(people(org, second["id"]), json={"number": "2"}), boss.post(people(org), json=fresh)
    )
    assert sorted(one.status_code for one in answers)[1] == 409


async def test_what_a_change_does_not_name_stays(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    person = await employee(boss, org, "王小明", research, number="1", mobile="138", nickname="明")
    changed = (await boss.patch(people(org, person["id"]), json={"name": "王晓明", "mobile": None})).json()
    assert (changed["name"], changed["number"], changed["mobile"], changed["nickname"]) == ("王晓明", "1", None, "明")
    assert changed["departments"] == person["departments"]


async def test_people_are_found_by_department_state_and_words(serving: Serving) -> None:
    boss, org, top = await company_of(serving)
    below = await department(boss, org, "平台组", top["id"])
    a = await employee(boss, org, "王小明", top, email="xm@example.com")
    b = await employee(boss, org, "李雷", below)

    async def found(**asked: Any) -> list[str]:
        answer = await boss.get(people(org), params=asked)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    assert await found(department_id=top["id"]) == [b["id"], a["id"]]
    assert await found(department_id=top["id"], direct=True) == [a["id"]]
    assert (await found(search="小明"), await found(search="XM@")) == ([a["id"]], [a["id"]])
    await resigned(boss, org, b)
    assert (await found(state="resigned"), await found(state="active")) == ([b["id"]], [a["id"]])
    first = (await boss.get(people(org), params={"limit": 1})).json()
    assert await found(limit=1, cursor=first["next_cursor"]) == [a["id"]]


async def test_an_account_is_made_with_the_employee_or_neither(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    body = {"name": "王小明", "email": "new@example.com", "create_account": True}
    body["departments"] = [{"department_id": research["id"]}]
    hired = (await boss.post(people(org), json=body)).json()
    assert hired["account_id"]
    assert len(hired["one_time_password"]) > 20
    account = (await boss.get(f"/api/v1/accounts/{hired['account_id']}")).json()
    assert (account["email"], account["organisation_id"]) == ("new@example.com", org["id"])
    assert "one_time_password" not in (await boss.get(people(org, hired["id"]))).json()
    # The address has an account: no employee is left behind. Nor is an account, where the number is taken.
    again = {**body, "name": "李雷"}
    other = await made(boss, "另一家")
    again["departments"] = [{"department_id": (await department(boss, other, "部"))["id"]}]
    refused = await boss.post(people(other), json=again)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "email")
    assert (await boss.get(people(other))).json()["items"] == []
    await employee(boss, org, "韩梅梅", research, number="7")
    assert (await boss.post(people(org), json={**body, "email": "x@example.com", "number": "7"})).status_code == 409
    assert (await boss.get("/api/v1/accounts", params={"email": "x@example.com"})).json()["items"] == []
    without = {"name": "无", "departments": body["departments"], "create_account": True}
    assert (await boss.post(people(org), json=without)).status_code == 422


async def test_an_account_is_linked_to_one_employee_of_its_organisation(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    person, hired = await with_account(serving, boss, org, research)
    second = await employee(boss, org, "李雷", research)
    stranger = await somebody(serving)
    for account, status in ((str(person.account_id), 409), (str(stranger.account_id), 404), ("x", 404), ("7", 404)):
        answer = await boss.put(people(org, second["id"], "account"), json={"account_id": account})
        assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
    assert (await boss.put(people(org, hired["id"], "account"), json={"create": True})).status_code == 422
    assert (await boss.put(people(org, second["id"], "account"), json={})).status_code == 422
    assert (await boss.delete(people(org, hired["id"], "account"))).json()["account_id"] is None
    assert (await boss.delete(people(org, hired["id"], "account"))).status_code == 409
    linked = await boss.put(people(org, second["id"], "account"), json={"account_id": str(person.account_id)})
    assert linked.json()["account_id"] == str(person.account_id)
    await boss.patch(people(org, hired["id"]), json={"email": "w@example.com"})
    fresh = (await boss.put(people(org, hired["id"], "account"), json={"create": True})).json()
    assert fresh["one_time_password"]


async def test_resigning_closes_the_login_and_coming_back_opens_it(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    person, hired = await with_account(serving, boss, org, research)
    assert (await person.client.get("/api/v1/workflows")).status_code == 200
    left = (await resigned(boss, org, hired)).json()
    assert (left["state"], [one["active"] for one in left["departments"]]) == ("resigned", [False])
    assert (await person.client.get("/api/v1/workflows")).status_code == 401
    assert (await resigned(boss, org, hired)).status_code == 409
    assert (await boss.put(people(org, hired["id"], "departments"),
                           json={"departments": [{"department_id": research["id"]}]})).status_code == 409  # fmt: skip
    back = (await restored(boss, org, hired, research)).json()
    assert (back["state"], back["resigned"], back["departments"][0]["active"]) == ("active", None, True)
    assert (await person.client.get("/api/v1/workflows")).status_code == 200
    assert (await restored(boss, org, hired, research)).status_code == 409
    actions = [one.action for one in await deeds_about(serving, hired["id"])]
    assert actions == ["employee.create", "employee.resign", "employee.restore"]


async def test_coming_back_does_not_open_what_an_administrator_had_closed(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    person, hired = await with_account(serving, boss, org, research)
    await boss.post(f"/api/v1/accounts/{person.account_id}/disable")
    await resigned(boss, org, hired)
    assert (await restored(boss, org, hired, research)).status_code == 200
    assert (await person.client.get("/api/v1/workflows")).status_code == 401


async def test_of_two_who_let_somebody_resign_one_does(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    _, hired = await with_account(serving, boss, org, research)
    answers = await asyncio.gather(*(resigned(boss, org, hired) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_the_last_administrator_of_the_instance_does_not_resign(serving: Serving) -> None:
    boss = await root(serving)
    home = {"id": str(boss.org_id)}
    unit = await department(boss.client, home, "管理部")
    me = await employee(boss.client, home, "管理员", unit, account_id=str(boss.account_id))
    refused = await resigned(boss.client, home, me)
    assert (refused.status_code, "last administrator" in refused.json()["detail"]) == (409, True)
    assert (await boss.client.get(people(home, me["id"]))).json()["state"] == "active"


async def test_nobody_locks_out_who_holds_more_than_he_reaches(serving: Serving) -> None:
    boss = await root(serving)
    home = {"id": str(boss.org_id)}
    unit = await department(boss.client, home, "管理部")
    above = await somebody(serving, grants=(1,))
    hired = await employee(boss.client, home, "上级", unit, account_id=str(above.account_id))
    clerk = (await clerk_of(serving, home)).client
    assert (await resigned(clerk, home, hired)).status_code == 403
    assert (await above.client.get(people(home))).status_code == 200


async def test_only_who_has_left_or_has_no_account_is_deleted(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    person, hired = await with_account(serving, boss, org, research)
    assert (await boss.delete(people(org, hired["id"]))).status_code == 409
    await resigned(boss, org, hired)
    assert (await boss.delete(people(org, hired["id"]))).status_code == 204
    assert (await boss.get(people(org, hired["id"]))).status_code == 404
    account = (await boss.get(f"/api/v1/accounts/{person.account_id}")).json()
    assert account["disabled"]


async def test_nobody_lets_in_again_whom_he_may_not_lock_out(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    strong = await admin_of(serving, org)
    hired = await employee(boss, org, "王小明", research, account_id=str(strong.account_id))
    clerk = (await clerk_of(serving, org)).client
    assert (await clerk.post(people(org, hired["id"], "resign"), json={})).status_code == 403
    await resigned(boss, org, hired)
    assert (await restored(clerk, org, hired, research)).status_code == 403
    assert (await restored(boss, org, hired, research)).status_code == 200


async def test_people_of_others_are_not_there(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    other = await made(boss, "另一家")
    outside = await department(boss, other, "外面")
    foreign = await employee(boss, other, "外人", outside)
    admin = (await admin_of(serving, org)).client
    mine = await employee(admin, org, "王小明", research)
    places = {"departments": [{"department_id": research["id"]}]}
    for org_id in (org["id"], other["id"]):
        where = f"/api/v1/organisations/{org_id}/employees/{foreign['id']}"
        answers = [
            await admin.get(where), await admin.patch(where, json={"name": "我的"}), await admin.delete(where),
            await admin.put(f"{where}/departments", json=places), await admin.post(f"{where}/resign", json={}),
            await admin.post(f"{where}/restore", json=places), await admin.delete(f"{where}/account"),
            await admin.put(f"{where}/account", json={"create": True}),
        ]  # fmt: skip
        assert {answer.status_code for answer in answers} == {404}, [answer.text for answer in answers]
    there = {"departments": [{"department_id": outside["id"]}]}
    for answer in (
        await admin.post(people(org), json={"name": "新人", **there}),
        await admin.put(people(org, mine["id"], "departments"), json=there),
        await admin.get(people(org), params={"department_id": outside["id"]}),
        await admin.post(people(other), json={"name": "新人", **places}),
        await admin.post(people(other, "import"), json={"csv": "name,departments\n王,外面\n"}),
    ):
        assert answer.status_code == 404, answer.text
    by_path = await admin.post(people(org, "import"), json={"csv": "name,departments\n王,外面\n"})
    assert by_path.status_code == 422


async def test_a_table_is_taken_in_whole_or_not_at_all(serving: Serving) -> None:
    boss, org, research = await company_of(serving)
    await department(boss, org, "平台组", research["id"], code="RD-01")
    await employee(boss, org, "在此", research, number="9")
    bad = (
        "name,number,email,departments\n王小明,1,not mail,研发部\n李雷,1,,无此部门\n韩梅梅,2,,研发部\n"
        "重复,2,,研发部\n有人,9,,研发部\n,3,,研发部\n"
    )
    refused = (await boss.post(people(org, "import"), json={"csv": bad})).json()
    named = {(one["field"], one["code"]) for one in refused["errors"]}
    assert named == {
        ("line 2.email", "invalid_input"), ("line 3.departments", "invalid_request"), ("line 5.number", "conflict"),
        ("line 6.number", "conflict"), ("line 7.name", "invalid_input"),
    }  # fmt: skip
    assert len((await boss.get(people(org))).json()["items"]) == 1
    good = "\ufeffname,number,departments,job_title\n王小明,1,研发部/平台组; 研发部,工程师\n李雷,2,RD-01,\n"
    done = (await boss.post(people(org, "import"), json={"csv": good})).json()
    assert done["count"] == 2
    first = (await boss.get(people(org, done["ids"][0]))).json()
    assert [(one["name"], one["primary"], one["job_title"]) for one in first["departments"]] == [
        ("平台组", True, "工程师"), ("研发部", False, "工程师"),
    ]  # fmt: skip
    columns = ("", "who\nx\n", "name,name,departments\na,b,研发部\n", f"{'x' * 200_000}\na\n")
    for text in (
        *columns,
        "name,departments\n",
        "name,departments\n王,研发部,王\n",
        f"name,departments\n{'x' * 200_000}\n",
    ):
        assert (await boss.post(people(org, "import"), json={"csv": text})).status_code == 422


async def test_a_run_outlives_the_job_of_who_started_it(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        boss = await root(serving)
        home = {"id": str(boss.org_id)}
        unit = await department(boss.client, home, "研发部")
        person = await somebody(serving, "editor")
        hired = await employee(boss.client, home, "王小明", unit, account_id=str(person.account_id))
        workflow = await serving.published(working())
        body = {"inputs": {"text": "hold"}, "mode": "async"}
        run = (await person.client.post(f"/api/v1/workflows/{workflow}/runs", json=body)).json()
        await there.work.began.wait()
        assert (await resigned(boss.client, home, hired)).status_code == 200
        again = await person.client.post(f"/api/v1/workflows/{workflow}/runs", json=body)
        assert again.status_code == 401
        assert (await person.client.get(f"/api/v1/runs/{run['id']}")).status_code == 401
        there.work.go.set()
        ended = await in_state(serving, run["id"], *ENDED)
        assert (ended["state"], ended["output"]) == ("succeeded", {"text": "hold"})
