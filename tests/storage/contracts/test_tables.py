"""What every store of user tables does."""

from __future__ import annotations

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from storage.ports.tables import (
    Query,
    TableField,
    TableSettings,
    TableUse,
    UserTable,
    UserTables,
)
from tests.storage.people import PEOPLE, ROWS, names, use

# --- definitions ---


async def test_a_table_is_found_by_its_id_and_its_name(tables: UserTables) -> None:
    made = await tables.create("7", "8", PEOPLE)
    assert [(one.number, one.name, one.type) for one in made.fields] == [
        (1, "姓名", "text"), (2, "age", "integer"), (3, "height", "number"), (4, "active", "boolean"),
        (5, "born", "time"),
    ]  # fmt: skip
    assert (made.description, made.access, made.revision, made.fields[0].description) == (
        "Who there is.",
        "limited",
        1,
        "什么名字",
    )
    assert await tables.get("7", "8", made.id) == await tables.get("7", "8", "人员") == made


@pytest.mark.parametrize(("org", "space", "ref"), [("9", "8", ""), ("7", "9", ""), ("7", "8", "1"), ("x", "8", "")])
async def test_what_belongs_to_others_is_not_there(
    tables: UserTables, people: UserTable, org: str, space: str, ref: str
) -> None:
    table = ref or people.id
    with pytest.raises(NotFound):
        await tables.get(org, space, table)
    with pytest.raises(NotFound):
        await tables.query(TableUse(org, space, table), Query())
    with pytest.raises(NotFound):
        await tables.insert(TableUse(org, space, table), ROWS)
    with pytest.raises(NotFound):
        await tables.execute(TableUse(org, space, table), ["SELECT * FROM 人员"])
    with pytest.raises(NotFound):
        await tables.delete(org, space, table)


async def test_names_are_taken_once_in_a_space(tables: UserTables, people: UserTable) -> None:
    with pytest.raises(Conflict):
        await tables.create("7", "8", PEOPLE)
    await tables.create("7", "9", PEOPLE)
    other = await tables.create("7", "8", TableSettings("other", (TableField("a"),)))
    with pytest.raises(Conflict):
        await tables.alter("7", "8", other.id, TableSettings("人员", (TableField("a"),)), revision=1)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("", ["a"]),
        ("a b", ["a"]),
        ("1a", ["a"]),
        ("a;drop", ["a"]),
        ("a`b", ["a"]),
        ("x" * 65, ["a"]),
        ("t", []),
        ("t", ["a", "A"]),
        ("t", ["id"]),
        ("t", ["UUID"]),
        ("t", ["bstudio_create_time"]),
        ("t", ["bstudio_connector_uid"]),
        ("t", ["rowid"]),
        ("t", ["a.b"]),
        ("t", ['a"b']),
        ("t", [f"f{n}" for n in range(101)]),
    ],
)
async def test_names_that_cannot_be_are_refused(tables: UserTables, name: str, fields: list[str]) -> None:
    with pytest.raises(InvalidInput):
        await tables.create("7", "8", TableSettings(name, tuple(TableField(one) for one in fields)))
    assert (await tables.page("7", "8")).items == []


async def test_tables_are_listed_in_pages_the_newest_first(tables: UserTables) -> None:
    for name in ("alpha", "beta", "Alphabet"):
        await tables.create("7", "8", TableSettings(name, (TableField("a"),)))
    first = await tables.page("7", "8", limit=2)
    assert [one.name for one in first.items] == ["Alphabet", "beta"]
    rest = await tables.page("7", "8", limit=2, cursor=first.next)
    assert ([one.name for one in rest.items], rest.next) == (["alpha"], None)
    assert [one.name for one in (await tables.page("7", "8", search="ALPHA")).items] == ["Alphabet", "alpha"]
    assert (await tables.page("9", "8")).items == (await tables.page("7", "9")).items == []


async def test_a_deleted_table_is_gone_with_its_rows(tables: UserTables, people: UserTable) -> None:
    await tables.delete("7", "8", people.id)
    with pytest.raises(NotFound):
        await tables.get("7", "8", people.id)
    again = await tables.create("7", "8", PEOPLE)
    assert await names(tables, use(again)) == []


# --- changing tables ---


async def test_a_table_is_changed_with_what_is_in_it(tables: UserTables, people: UserTable) -> None:
    await tables.insert(use(people, draft=True), ROWS[:1])
    name, age, _, active, born = people.fields
    fields = (
        TableField("city", "text"),
        TableField("名字", "text", number=name.number),
        TableField("age", "number"),
        TableField("active", "text", number=active.number),
        born,
    )
    changed = await tables.alter("7", "8", people.id, TableSettings("people", fields, access="unlimited"), revision=1)
    assert [(one.number, one.name, one.type) for one in changed.fields] == [
        (6, "city", "text"), (1, "名字", "text"), (2, "age", "number"), (4, "active", "text"), (5, "born", "time"),
    ]  # fmt: skip
    assert (changed.name, changed.access, changed.revision, age.number) == ("people", "unlimited", 2, 2)
    for draft in (False, True):
        row = (await tables.query(use(people, draft=draft), Query(limit=1))).rows[0]
        shown = {key: row[key] for key in ("city", "名字", "age", "active", "born")}
        assert shown == {
            "city": None, "名字": "李雷", "age": 30.0, "active": "true", "born": "1996-01-02 03:04:05",
        }  # fmt: skip
    again = await tables.alter("7", "8", people.id, TableSettings("people", (fields[0], TableField("x"))), revision=2)
    assert [one.number for one in again.fields] == [6, 7]


async def test_a_number_is_never_given_again(tables: UserTables) -> None:
    table = await tables.create("7", "8", TableSettings("t", (TableField("a"), TableField("b"))))
    await tables.alter("7", "8", table.id, TableSettings("t", (TableField("a"),)), revision=1)
    changed = await tables.alter("7", "8", table.id, TableSettings("t", (TableField("a"), TableField("b"))), revision=2)
    assert [one.number for one in changed.fields] == [1, 3]


async def test_fields_may_swap_their_names(tables: UserTables) -> None:
    table = await tables.create("7", "8", TableSettings("t", (TableField("a"), TableField("b"))))
    await tables.insert(use(table), [{"a": "1", "b": "2"}])
    swapped = (TableField("b", number=1), TableField("a", number=2))
    await tables.alter("7", "8", table.id, TableSettings("t", swapped), revision=1)
    (row,) = (await tables.query(use(table), Query())).rows
    assert (row["a"], row["b"]) == ("2", "1")


async def test_values_that_do_not_fit_a_new_type_hold_it_up(tables: UserTables, people: UserTable) -> None:
    fields = (TableField("姓名", "integer"), *people.fields[1:])
    with pytest.raises(Conflict, match="3 values of the field 姓名 cannot be made integer"):
        await tables.alter("7", "8", people.id, TableSettings("人员", fields), revision=1)
    assert await tables.get("7", "8", people.id) == people
    assert await names(tables, use(people)) == ["李雷", "Hanako", "Ada"]


async def test_a_change_of_what_has_changed_is_refused(tables: UserTables, people: UserTable) -> None:
    await tables.alter("7", "8", people.id, TableSettings("a", people.fields), revision=1)
    with pytest.raises(Conflict) as refusal:
        await tables.alter("7", "8", people.id, TableSettings("b", people.fields), revision=1)
    assert refusal.value.facts["revision"] == 2


async def test_a_number_that_no_field_has_is_refused(tables: UserTables, people: UserTable) -> None:
    with pytest.raises(InvalidInput):
        await tables.alter("7", "8", people.id, TableSettings("a", (TableField("x", number=9),)), revision=1)
