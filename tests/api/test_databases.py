"""Databases over HTTP: made, changed, filled, read and taken away, by members of their space alone."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.stores import open_stores
from storage.user_tables.limits import TableLimits
from tests.api.serving import Document, Serving, serve
from tests.api.test_access import in_another_space
from tests.storage.samples import KEYS

CUSTOMERS: Document = {
    "name": "customers",
    "description": "谁买东西",
    "access": "unlimited",
    "fields": [
        {"name": "name", "required": True},
        {"name": "orders", "type": "integer"},
        {"name": "vip", "type": "boolean"},
        {"name": "since", "type": "time"},
    ],
}


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serve(tmp_path) as made:
        yield made


async def made(serving: Serving, body: Document = CUSTOMERS) -> Document:
    answer = await serving.post("/databases", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def filled(serving: Serving, *rows: Document, **more: Any) -> list[Document]:
    answer = await serving.post("/databases/customers/rows", {"rows": [*rows], **more})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["items"])


async def test_a_database_is_made_found_and_listed(serving: Serving) -> None:
    database = await made(serving)
    assert [(one["number"], one["name"], one["type"], one["required"]) for one in database["fields"]] == [
        (1, "name", "text", True), (2, "orders", "integer", False), (3, "vip", "boolean", False),
        (4, "since", "time", False),
    ]  # fmt: skip
    assert (database["access"], database["description"], database["revision"]) == ("unlimited", "谁买东西", 1)
    for ref in (database["id"], "customers", "CUSTOMERS"):
        assert (await serving.get(f"/databases/{ref}")).json() == database
    assert (await serving.get("/databases", search="cust")).json() == {"items": [database], "next_cursor": None}
    assert (await serving.get("/databases", search="else")).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"fields": []}, "fields"),
        ({"fields": [{"name": "id"}]}, "fields.0.name"),
        ({"fields": [{"name": "a"}, {"name": "A"}]}, "fields.1.name"),
        ({"fields": [{"name": "a", "type": "blob"}]}, "fields.0.type"),
        ({"access": "secret"}, "access"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_is_named(serving: Serving, change: Document, field: str) -> None:
    answer = await serving.post("/databases", {**CUSTOMERS, **change})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_a_database_is_changed_with_its_rows(serving: Serving) -> None:
    database = await made(serving)
    await filled(serving, {"name": "Ada", "orders": 2})
    fields = [{"number": 1, "name": "客户"}, {"name": "orders", "type": "number"}, {"name": "city"}]
    answer = await serving.patch("/databases/customers", {"revision": 1, "name": "buyers", "fields": fields})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert [(one["number"], one["name"]) for one in changed["fields"]] == [(1, "客户"), (2, "orders"), (5, "city")]
    assert (changed["name"], changed["revision"], changed["access"], changed["id"]) == (
        "buyers", 2, "unlimited", database["id"],
    )  # fmt: skip
    (row,) = (await serving.get("/databases/buyers/rows")).json()["items"]
    assert (row["客户"], row["orders"], row["city"]) == ("Ada", 2.0, None)
    late = await serving.patch("/databases/buyers", {"revision": 1, "name": "late"})
    assert (late.status_code, late.json()["facts"]["revision"]) == (409, 2)
    bad = await serving.patch("/databases/buyers", {"revision": 2, "fields": [{"name": "客户", "type": "integer"}]})
    assert (bad.status_code, bad.json()["facts"]["values"]) == (409, 1)


async def test_a_name_is_taken_once(serving: Serving) -> None:
    await made(serving)
    assert (await serving.post("/databases", CUSTOMERS)).status_code == 409


async def test_rows_are_added_changed_and_taken_away(serving: Serving) -> None:
    await made(serving)
    two = ({"name": "Ada", "vip": "true"}, {"name": "Bert", "since": "2026-01-02"})
    ada, bert = await filled(serving, *two, user="u1")
    assert (ada["vip"], bert["since"], ada["uuid"], ada["sys_platform"]) == (True, "2026-01-02 00:00:00", "u1", "api")
    answer = await serving.patch(f"/databases/customers/rows/{ada['id']}", {"values": {"orders": "5"}})
    assert answer.json() == {**ada, "orders": 5}
    assert (await serving.delete(f"/databases/customers/rows/{bert['id']}")).status_code == 204
    assert [row["name"] for row in (await serving.get("/databases/customers/rows")).json()["items"]] == ["Ada"]
    for row in (bert["id"], "7", "x", "9" * 25):
        assert (await serving.delete(f"/databases/customers/rows/{row}")).status_code == 404
        answer = await serving.patch(f"/databases/customers/rows/{row}", {"values": {"orders": 1}})
        assert answer.status_code == 404


async def test_a_row_that_does_not_fit_is_told_with_its_number(serving: Serving) -> None:
    await made(serving)
    answer = await serving.post("/databases/customers/rows", {"rows": [{"name": "a"}, {"name": "b", "orders": "many"}]})
    assert (answer.status_code, answer.json()["facts"]["row"]) == (422, 1)
    assert "orders takes a whole number" in answer.json()["detail"]
    assert (await serving.get("/databases/customers/rows")).json()["items"] == []


async def test_rows_come_in_pages_the_newest_first(serving: Serving) -> None:
    await made(serving)
    await filled(serving, *({"name": str(n)} for n in range(5)))
    await filled(serving, {"name": "hers"}, user="anna")
    first = (await serving.get("/databases/customers/rows", limit=4)).json()
    assert [row["name"] for row in first["items"]] == ["hers", "4", "3", "2"]
    rest = (await serving.get("/databases/customers/rows", limit=4, cursor=first["next_cursor"])).json()
    assert ([row["name"] for row in rest["items"]], rest["next_cursor"]) == (["1", "0"], None)
    hers = (await serving.get("/databases/customers/rows", user="anna")).json()
    assert [row["name"] for row in hers["items"]] == ["hers"]


async def test_large_rows_come_fewer_at_a_time(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=KEYS, tables=TableLimits(result_bytes=20_000)) as stores:
        async with serve(tmp_path, stores=stores) as serving:
            await made(serving)
            for n in range(6):
                await filled(serving, {"name": f"{n}{'x' * 9_000}"})
            seen: list[str] = []
            page: Document = {"next_cursor": ""}
            while page["next_cursor"] is not None:
                page = (await serving.get("/databases/customers/rows", cursor=page["next_cursor"])).json()
                seen += [row["name"][0] for row in page["items"]]
            assert seen == ["5", "4", "3", "2", "1", "0"]
            exported = (await serving.get("/databases/customers/export")).text
            assert [line[0] for line in exported.splitlines()[1:]] == ["0", "1", "2", "3", "4", "5"]


async def test_test_data_lie_apart(serving: Serving) -> None:
    await made(serving)
    (row,) = await filled(serving, {"name": "test"}, draft=True)
    assert (await serving.get("/databases/customers/rows")).json()["items"] == []
    assert len((await serving.get("/databases/customers/rows", draft=True)).json()["items"]) == 1
    assert (await serving.delete(f"/databases/customers/rows/{row['id']}")).status_code == 404
    assert (await serving.delete(f"/databases/customers/rows/{row['id']}?draft=true")).status_code == 204


# --- files ---


async def brought(serving: Serving, text: str, form: str = "csv", **more: Any) -> Any:
    return await serving.post("/databases/customers/import", {"format": form, "text": text, **more})


async def test_a_csv_file_is_imported(serving: Serving) -> None:
    await made(serving)
    text = '\ufeffName,orders,vip,since\r\n"Ada, Lovelace",3,true,2026/1/2\r\n李雷,,,\r\n\r\n"line\none",1,0,\r\n'
    answer = await brought(serving, text)
    assert (answer.status_code, answer.json()) == (200, {"added": 3, "skipped": 0, "errors": []})
    rows = (await serving.get("/databases/customers/rows")).json()["items"]
    assert [[row[name] for name in ("name", "orders", "vip", "since")] for row in rows] == [
        ["line\none", 1, False, None],
        ["李雷", None, None, None],
        ["Ada, Lovelace", 3, True, "2026-01-02 00:00:00"],
    ]


@pytest.mark.parametrize("sign", [";", "\t"])
async def test_a_file_of_another_countrys_excel_is_imported(serving: Serving, sign: str) -> None:
    await made(serving)
    assert (await brought(serving, f"name{sign}orders\nAda{sign}3\n")).json()["added"] == 1


async def test_a_json_file_is_imported(serving: Serving) -> None:
    await made(serving)
    answer = await brought(serving, '[{"name": "Ada", "orders": 3}, {"name": "Bert"}]', "json", user="u1", draft=True)
    assert answer.json()["added"] == 2
    rows = (await serving.get("/databases/customers/rows", draft=True)).json()["items"]
    assert [(row["name"], row["uuid"]) for row in rows] == [("Bert", "u1"), ("Ada", "u1")]


async def test_what_is_wrong_with_a_file_is_told_row_by_row(serving: Serving) -> None:
    await made(serving)
    text = '[{"name": "Ada"}, {"orders": 1}, {"name": "Bert", "orders": "many", "colour": "red"}]'
    answer = await brought(serving, text, "json")
    assert answer.status_code == 422
    assert [(one["field"], one["message"]) for one in answer.json()["errors"]] == [
        ("rows.2.name", "Every row needs a value for name."),
        ("rows.3.orders", 'The field orders takes a whole number of at most 64 bits; the text "many" came.'),
        ("rows.3.colour", "The database has no field colour."),
    ]
    assert (await serving.get("/databases/customers/rows")).json()["items"] == []


async def test_bad_rows_are_skipped_where_that_is_wanted(serving: Serving) -> None:
    await made(serving)
    answer = await brought(serving, "name,orders\nAda,3\nBert,many\n,1\nCarl,\n", skip_bad_rows=True)
    told = answer.json()
    assert (told["added"], told["skipped"]) == (3, 1)
    assert [(one["row"], one["field"]) for one in told["errors"]] == [(2, "orders")]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", "csv"),
        ("name,,orders\n", "csv"),
        ("name,Name\nAda,Bert\n", "csv"),
        ("name,colour\nAda,red\n", "csv"),
        ("name\nAda,3\n", "csv"),
        ('name\n"Ada\n', "csv"),
        ("{", "json"),
        ("{}", "json"),
        ("[1]", "json"),
        ("[" * 10_000, "json"),
    ],
)
async def test_what_is_no_file_of_rows_is_refused(serving: Serving, text: str, form: str) -> None:
    await made(serving)
    answer = await brought(serving, text, form)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_an_import_under_a_key_is_done_once(serving: Serving) -> None:
    await made(serving)
    text = "name\n" + "".join(f"n{n}\n" for n in range(2_500))
    for _ in range(2):
        assert (await brought(serving, text, key="monday")).json()["added"] == 2_500
    exported = (await serving.get("/databases/customers/export")).text
    assert len(exported.splitlines()) == 2_501


async def test_what_is_exported_holds_no_formula_and_comes_back_the_same(serving: Serving) -> None:
    await made(serving)
    names = ["=1+1", "+x", "-y", "@z", "'quoted", "plain", 'a,"b"', "\tx", "’=", "'=1", "两\n行"]
    await filled(serving, *({"name": name, "orders": -3} for name in names))
    answer = await serving.get("/databases/customers/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = [*csv.reader(io.StringIO(answer.text, newline=""))]
    assert lines[0] == ["name", "orders", "vip", "since", "id", "uuid", "sys_platform", "bstudio_create_time"]
    assert not any(line[0].startswith(("=", "+", "-", "@", "\t")) for line in lines)
    assert {line[1] for line in lines[1:]} == {"-3"}
    assert (await brought(serving, answer.text, draft=True)).json()["added"] == len(names)
    rows = (await serving.get("/databases/customers/rows", draft=True)).json()["items"]
    assert [row["name"] for row in reversed(rows)] == names


# --- whose ---


async def test_what_belongs_to_another_space_is_not_found(serving: Serving) -> None:
    database = await made(serving)
    (row,) = await filled(serving, {"name": "Ada"})
    async with await in_another_space(serving) as other:
        assert (await other.get("/api/v1/databases")).json()["items"] == []
        for ref in (database["id"], "customers"):
            for method, path, body in (
                ("GET", "", None),
                ("PATCH", "", {"revision": 1, "name": "mine"}),
                ("DELETE", "", None),
                ("GET", "/rows", None),
                ("POST", "/rows", {"rows": [{"name": "x"}]}),
                ("PATCH", f"/rows/{row['id']}", {"values": {"name": "x"}}),
                ("DELETE", f"/rows/{row['id']}", None),
                ("POST", "/import", {"format": "csv", "text": "name\nx\n"}),
                ("GET", "/export", None),
            ):
                answer = await other.request(method, f"/api/v1/databases/{ref}{path}", json=body)
                assert answer.status_code == 404, (method, path)
    assert (await serving.get("/databases/customers/rows")).json()["items"] == [row]


async def test_a_deleted_database_is_gone(serving: Serving) -> None:
    database = await made(serving)
    assert (await serving.delete(f"/databases/{database['id']}")).status_code == 204
    assert (await serving.get("/databases/customers")).status_code == 404
    assert (await serving.delete("/databases/customers")).status_code == 404
