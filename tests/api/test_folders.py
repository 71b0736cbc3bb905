"""Folders, tags, and lists that are searched, filtered and sorted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.drawings import greeting
from tests.api.people import another_organisation, somebody
from tests.api.serving import Serving


async def folder(serving: Serving, name: str, parent: str = "0") -> str:
    answer = await serving.post("/folders", {"name": name, "parent_id": parent})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def names(serving: Serving, **params: Any) -> list[str]:
    answer = await serving.get("/workflows", **params)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


async def test_workflows_are_filed_in_folders_of_folders(serving: Serving) -> None:
    service = await folder(serving, "客服")
    night = await folder(serving, "夜班", service)
    await serving.drawn(greeting(), "Top")
    filed = await serving.drawn(greeting(), "问候", folder_id=night)
    assert filed["folder_id"] == night
    assert await names(serving, folder=night) == ["问候"]
    assert await names(serving, folder=service) == []
    assert await names(serving, folder="0") == ["Top"]
    listed = (await serving.get("/folders")).json()["items"]
    assert {one["name"]: (one["parent_id"], one["workflows"]) for one in listed} == {
        "客服": ("0", 0),
        "夜班": (service, 1),
    }
    moved = await serving.patch(f"/workflows/{filed['id']}", {"folder_id": "0"})
    assert (moved.status_code, moved.json()["folder_id"]) == (200, "0")


async def test_folders_of_one_parent_have_different_names(serving: Serving) -> None:
    one = await folder(serving, "A")
    inner = await folder(serving, "A", one)
    assert (await serving.post("/folders", {"name": " A "})).status_code == 409
    assert (await serving.patch(f"/folders/{inner}", {"parent_id": "0"})).status_code == 409
    assert (await serving.patch(f"/folders/{inner}", {"parent_id": "0", "name": "B"})).status_code == 200
    for name in ("", "  ", "x" * 101):
        assert (await serving.post("/folders", {"name": name})).status_code == 422


async def test_a_folder_does_not_come_to_stand_within_itself(serving: Serving) -> None:
    one = await folder(serving, "1")
    two = await folder(serving, "2", one)
    three = await folder(serving, "3", two)
    for place in (one, two, three):
        assert (await serving.patch(f"/folders/{one}", {"parent_id": place})).status_code == 409
    assert (await serving.patch(f"/folders/{three}", {"parent_id": one})).status_code == 200


async def test_folders_stand_in_each_other_ten_deep_and_no_deeper(serving: Serving) -> None:
    chain = ["0"]
    for number in range(10):
        chain.append(await folder(serving, f"{number}", chain[-1]))
    assert (await serving.post("/folders", {"name": "deeper", "parent_id": chain[-1]})).status_code == 422
    other = await folder(serving, "other")
    await folder(serving, "inner", other)
    assert (await serving.patch(f"/folders/{other}", {"parent_id": chain[9]})).status_code == 422
    assert (await serving.patch(f"/folders/{other}", {"parent_id": chain[8]})).status_code == 200


async def test_what_is_in_a_folder_that_is_deleted_goes_one_up(serving: Serving) -> None:
    one = await folder(serving, "one")
    two = await folder(serving, "two", one)
    same = await folder(serving, "two", two)
    filed = await serving.drawn(greeting(), folder_id=two)
    assert (await serving.delete(f"/folders/{two}")).status_code == 204
    assert (await serving.get(f"/folders/{two}")).status_code == 404
    assert (await serving.get(f"/folders/{same}")).json()["parent_id"] == one
    assert (await serving.get(f"/workflows/{filed['id']}")).json()["folder_id"] == one
    await folder(serving, "two")
    assert (await serving.delete(f"/folders/{one}")).status_code == 409
    assert (await serving.get(f"/folders/{one}")).status_code == 200


async def test_a_folder_of_another_space_is_not_found(serving: Serving) -> None:
    org, space = await another_organisation(serving)
    theirs = await somebody(serving, "editor", org_id=org, space_id=space)
    answer = await theirs.client.post("/api/v1/folders", json={"name": "他们的"})
    number = answer.json()["id"]
    mine = await serving.drawn(greeting())
    for refused in (
        await serving.get(f"/folders/{number}"),
        await serving.patch(f"/folders/{number}", {"name": "x"}),
        await serving.delete(f"/folders/{number}"),
        await serving.post("/folders", {"name": "x", "parent_id": number}),
        await serving.post("/workflows", {"name": "x", "folder_id": number}),
        await serving.patch(f"/workflows/{mine['id']}", {"folder_id": number}),
        await serving.post(f"/workflows/{mine['id']}/copy", {"folder_id": number}),
    ):
        assert refused.status_code == 404, refused.text
    assert await names(serving, folder=number) == []


async def test_workflows_are_found_by_their_tags(serving: Serving) -> None:
    made = await serving.drawn(greeting(), "问候", tags=["客服", " night  shift ", "客服"])
    assert made["tags"] == ["客服", "night shift"]
    await serving.drawn(greeting(), "Other", tags=["客"])
    assert await names(serving, tag="客服") == ["问候"]
    assert await names(serving, tag="客") == ["Other"]
    assert (await serving.patch(f"/workflows/{made['id']}", {"tags": []})).json()["tags"] == []
    assert await names(serving, tag="客服") == []
    for tags in (["a"] * 0 + [str(n) for n in range(11)], ["x" * 41], [""], ['"']):
        assert (await serving.patch(f"/workflows/{made['id']}", {"tags": tags})).status_code == 422


@pytest.mark.parametrize(
    ("name", "search"), [("总结文章", "文章"), ("Äpfel zählen", "ÄPFEL"), ("Привет Мир", "привет"), ("ΩMEGA", "ωmega")]
)
async def test_a_part_of_a_name_is_found_in_any_script(serving: Serving, name: str, search: str) -> None:
    await serving.drawn(greeting(), name)
    await serving.drawn(greeting(), "Something else")
    assert await names(serving, search=search) == [name]


async def test_workflows_are_found_by_what_became_of_their_draft(serving: Serving) -> None:
    await serving.drawn(greeting(), "new")
    await serving.published(greeting(), "out")
    changed = await serving.published(greeting(), "changed")
    await serving.put(f"/workflows/{changed}/draft", {"canvas": {}, "revision": 1})
    for state, expected in (("draft", ["new"]), ("published", ["out"]), ("changed", ["changed"])):
        assert await names(serving, state=state) == expected
        (found,) = (await serving.get("/workflows", search=expected[0])).json()["items"]
        assert found["state"] == state


@pytest.mark.parametrize("sort", ["created", "updated", "name"])
async def test_pages_of_any_order_skip_nothing_where_many_are_alike(serving: Serving, sort: str) -> None:
    made = [(await serving.drawn(greeting(), "同名"))["id"] for _ in range(5)]
    await serving.drawn(greeting(), "a")
    found: list[str] = []
    cursor = None
    while True:
        page = (await serving.get("/workflows", sort=sort, limit=2, **({"cursor": cursor} if cursor else {}))).json()
        found += [one["id"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(found) == 6
    assert {*made} < {*found}
    if sort == "name":
        assert found[1:] == made


async def test_names_go_up_and_what_was_changed_last_comes_first(serving: Serving) -> None:
    for name in ("b", "C", "a"):
        await serving.drawn(greeting(), name, key=f"k-{name.lower()}")
    assert await names(serving, sort="name") == ["a", "b", "C"]
    await serving.patch("/workflows/k-b", {"description": "x"})
    assert await names(serving, sort="updated") == ["b", "a", "C"]


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJuYW1lIiwxLCIxIl0", "12"])
async def test_a_cursor_of_another_list_is_refused(serving: Serving, cursor: str) -> None:
    answer = await serving.get("/workflows", sort="updated", cursor=cursor)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_workflows_say_who_made_and_who_changed_them(serving: Serving) -> None:
    maker = await somebody(serving, "editor", name="李雷")
    other = await somebody(serving, "editor", name="韩梅梅")
    made = (await maker.client.post("/api/v1/workflows", json={"name": "x", "canvas": greeting()})).json()
    path = f"/api/v1/workflows/{made['id']}"
    await other.client.put(f"{path}/draft", json={"canvas": greeting(), "revision": 1})
    version = (await other.client.post(f"{path}/versions")).json()
    shown = (await maker.client.get(path)).json()
    assert shown["created_by"] == {"id": str(maker.account_id), "name": "李雷"}
    assert shown["updated_by"] == version["created_by"] == {"id": str(other.account_id), "name": "韩梅梅"}
    await serving.drawn(greeting(), "nobody's")
    assert await names(serving, created_by=str(maker.account_id)) == ["x"]
    assert await names(serving, created_by=str(other.account_id)) == []
