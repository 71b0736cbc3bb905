"""What every store of user tables does with rows."""

from __future__ import annotations

import pytest

from engine.errors import Conflict, InvalidInput, LimitExceeded
from engine.values import Json
from storage.ports.tables import (
    Condition,
    Filter,
    Found,
    Operator,
    Order,
    Query,
    SqlRefused,
    TableField,
    TableSettings,
    TableUse,
    UserTable,
    UserTables,
)
from tests.storage.people import ROWS, names, use


def only(name: str, operator: Operator, right: Json = None) -> Filter:
    return Filter((Condition(name, operator, right),))


# --- rows ---


async def test_rows_come_back_as_they_were(tables: UserTables, people: UserTable) -> None:
    found = await tables.query(use(people), Query())
    assert found.count == 3
    shown = [{name: row[name] for name in ROWS[0]} for row in found.rows]
    assert shown == [ROWS[0], {**ROWS[1], "born": "2001-05-06 00:00:00"}, ROWS[2]]
    assert {row["uuid"] for row in found.rows} == {"anna"}
    assert {row["sys_platform"] for row in found.rows} == {"web"}
    assert len({row["id"] for row in found.rows}) == 3
    assert len(str(found.rows[0]["bstudio_create_time"])) == 19


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"age": "42"}, 42),
        ({"age": 42.0}, 42),
        ({"age": ""}, None),
        ({"AGE": 1}, 1),
        ({"height": "1.5"}, 1.5),
        ({"height": 2}, 2.0),
        ({"active": "true"}, True),
        ({"active": 0}, False),
        ({"active": "否"}, False),
        ({"born": "2026-11-22T18:30:00+08:00"}, "2026-11-22 10:30:00"),
        ({"born": "2026/1/2"}, "2026-01-02 00:00:00"),
        ({"born": 1_795_350_773}, "2026-11-22 12:32:53"),
        ({"born": 1_795_350_773_441}, "2026-11-22 12:32:53.441"),
        ({"姓名": 7}, "7"),
        ({"姓名": True}, "true"),
        ({"姓名": ["a", 1]}, '["a",1]'),
        ({"姓名": ""}, ""),
        ({"age": -(2**63)}, -(2**63)),
    ],
)
async def test_values_become_what_their_field_is(
    tables: UserTables, people: UserTable, values: dict[str, Json], kept: Json
) -> None:
    made = await tables.insert(use(people), [{"姓名": "x", **values}])
    (name,) = values
    assert made.rows[0][name.lower()] == kept


@pytest.mark.parametrize(
    "values",
    [
        {"age": "many"},
        {"age": 1.5},
        {"age": 2**63},
        {"age": True, "nope": 1},
        {"active": 2},
        {"born": "soon"},
        {"height": "1,5"},
        {"height": [1]},
        {"姓名": None},
        {"姓名": "x\0"},
        {"姓名": "\ud800"},
        {"姓名": "x" * (1024 * 1024 + 1)},
        {"nope": 1},
        {"id": "5"},
        {"uuid": "somebody"},
        {"sys_platform": "x"},
    ],
    ids=lambda one: str(one)[:40].encode("ascii", "backslashreplace").decode(),
)
async def test_a_row_that_does_not_fit_is_refused_with_all_that_came_with_it(
    tables: UserTables, people: UserTable, values: dict[str, Json]
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await tables.insert(use(people), [{"姓名": "fine"}, {"姓名": "x", **values}])
    assert refusal.value.facts["row"] == 1
    assert await names(tables, use(people)) == ["李雷", "Hanako", "Ada"]


async def test_what_is_required_is_needed(tables: UserTables, people: UserTable) -> None:
    with pytest.raises(InvalidInput, match="needs a value for 姓名"):
        await tables.insert(use(people), [{"age": 1}])
    with pytest.raises(InvalidInput, match="needs a value for 姓名"):
        await tables.update(use(people), {"姓名": None}, only("age", Operator.EQUAL, 30))


WHERE: list[tuple[Filter, list[str]]] = [
    (only("age", Operator.EQUAL, 30), ["李雷"]),
    (only("age", Operator.EQUAL, "30"), ["李雷"]),
    (only("age", Operator.NOT_EQUAL, 30), ["Hanako"]),
    (only("age", Operator.GREATER_THAN, 25), ["李雷"]),
    (only("age", Operator.GREATER_EQUAL, 25), ["李雷", "Hanako"]),
    (only("age", Operator.LESS_THAN, 30), ["Hanako"]),
    (only("height", Operator.LESS_EQUAL, "1.6"), ["Hanako"]),
    (only("age", Operator.IN, [25, "30", None]), ["李雷", "Hanako"]),
    (only("age", Operator.IN, []), []),
    (only("age", Operator.NOT_IN, [25]), ["李雷"]),
    (only("姓名", Operator.NOT_IN, []), ["李雷", "Hanako", "Ada"]),
    (only("age", Operator.IS_NULL), ["Ada"]),
    (only("age", Operator.IS_NOT_NULL), ["李雷", "Hanako"]),
    (only("姓名", Operator.LIKE, "雷"), ["李雷"]),
    (only("姓名", Operator.LIKE, "a"), ["Hanako", "Ada"]),
    (only("姓名", Operator.LIKE, "A%a"), ["Hanako", "Ada"]),
    (only("姓名", Operator.NOT_LIKE, "a"), ["李雷"]),
    (only("age", Operator.LIKE, 3), ["李雷"]),
    (only("active", Operator.EQUAL, True), ["李雷"]),
    (only("active", Operator.EQUAL, "false"), ["Hanako"]),
    (only("born", Operator.GREATER_THAN, "2000-01-01"), ["Hanako"]),
    (only("born", Operator.EQUAL, "2001-05-06T00:00:00Z"), ["Hanako"]),
    (only("age", Operator.EQUAL, None), []),
    (only("age", Operator.NOT_EQUAL, None), []),
    (only("uuid", Operator.EQUAL, "anna"), ["李雷", "Hanako", "Ada"]),
    (only("id", Operator.GREATER_THAN, "0"), ["李雷", "Hanako", "Ada"]),
    (only("姓名", Operator.EQUAL, "x' OR '1'='1"), []),
    (Filter((Condition("age", Operator.EQUAL, 30), Condition("active", Operator.EQUAL, True))), ["李雷"]),
    (Filter((Condition("age", Operator.EQUAL, 30), Condition("姓名", Operator.EQUAL, "Ada")), "or"), ["李雷", "Ada"]),
    (Filter((), "or"), ["李雷", "Hanako", "Ada"]),
]


@pytest.mark.parametrize(("where", "expected"), WHERE, ids=lambda one: str(one)[:60].encode("ascii", "ignore").decode())
async def test_conditions_choose_rows(
    tables: UserTables, people: UserTable, where: Filter, expected: list[str]
) -> None:
    assert await names(tables, use(people), Query(where)) == expected


@pytest.mark.parametrize(
    "condition",
    [
        Condition("nope", Operator.EQUAL, 1),
        Condition("age; DROP TABLE x", Operator.EQUAL, 1),
        Condition("owner", Operator.EQUAL, "x"),
        Condition("f_1", Operator.EQUAL, "x"),
        Condition("age", Operator.EQUAL, "many"),
        Condition("age", Operator.IN, 5),
        Condition("age", Operator.IN, [*range(5_001)]),
        Condition("id", Operator.EQUAL, "abc"),
        Condition("姓名", Operator.LIKE, "x" * 600),
        Condition("姓名", Operator.LIKE, "\ud800"),
        Condition("姓名", Operator.EQUAL, "\ud800"),
    ],
    ids=lambda one: str(one)[:60].encode("ascii", "backslashreplace").decode(),
)
async def test_a_condition_that_cannot_be_is_refused(
    tables: UserTables, people: UserTable, condition: Condition
) -> None:
    with pytest.raises(InvalidInput):
        await tables.query(use(people), Query(Filter((condition,))))


async def test_rows_are_ordered_cut_and_told_apart(tables: UserTables, people: UserTable) -> None:
    await tables.insert(use(people), [{"姓名": "Ada", "age": 5}])
    by_age = Query(order=(Order("age", False),))
    assert await names(tables, use(people), by_age) == ["李雷", "Hanako", "Ada", "Ada"]
    two = Query(order=(Order("姓名"), Order("age", False)), limit=2)
    assert [row["age"] for row in (await tables.query(use(people), two)).rows] == [5, None]
    assert await names(tables, use(people), Query(limit=1, offset=1)) == ["Hanako"]
    distinct = Query(columns=("姓名",), distinct=True, order=(Order("姓名"),))
    assert (await tables.query(use(people), distinct)).rows == [{"姓名": "Ada"}, {"姓名": "Hanako"}, {"姓名": "李雷"}]
    for limit in (0, 1_001):
        with pytest.raises(InvalidInput):
            await tables.query(use(people), Query(limit=limit))
    with pytest.raises(InvalidInput):
        await tables.query(use(people), Query(order=(Order("nope"),)))


async def test_rows_are_changed_and_taken_away(tables: UserTables, people: UserTable) -> None:
    older = await tables.update(use(people), {"age": "31", "born": ""}, only("姓名", Operator.EQUAL, "李雷"))
    assert older == Found(count=1)
    (row,) = (await tables.query(use(people), Query(only("age", Operator.EQUAL, 31)))).rows
    assert (row["born"], row["height"]) == (None, 1.8)
    assert (await tables.remove(use(people), only("age", Operator.IS_NULL))).count == 1
    assert await names(tables, use(people)) == ["李雷", "Hanako"]
    with pytest.raises(InvalidInput):
        await tables.update(use(people), {}, Filter())
    with pytest.raises(InvalidInput):
        await tables.update(use(people), {"id": 1}, Filter())


async def test_rows_of_a_test_and_online_rows_lie_apart(tables: UserTables, people: UserTable) -> None:
    await tables.insert(use(people, draft=True), [{"姓名": "test"}])
    assert await names(tables, use(people, draft=True)) == ["test"]
    assert await names(tables, use(people)) == ["李雷", "Hanako", "Ada"]
    await tables.remove(use(people, draft=True), Filter())
    assert len(await names(tables, use(people))) == 3


# --- who may what ---


async def test_of_a_limited_table_a_user_has_the_own_rows_alone(tables: UserTables, people: UserTable) -> None:
    bert = use(people, "bert")
    await tables.insert(bert, [{"姓名": "Bert"}])
    assert await names(tables, bert) == ["Bert"]
    assert (await tables.update(bert, {"age": 1}, only("姓名", Operator.NOT_EQUAL, ""))).count == 1
    assert (await tables.remove(bert, Filter((Condition("uuid", Operator.EQUAL, "anna"),), "or"))).count == 0
    assert (await tables.execute(bert, ["SELECT 姓名 FROM 人员 WHERE 1 = 1"])).rows == [{"姓名": "Bert"}]
    assert await names(tables, use(people)) == ["李雷", "Hanako", "Ada"]
    everybody = TableUse("7", "8", people.id, manage=True)
    assert len(await names(tables, everybody)) == 4


async def test_an_unlimited_table_is_everybodys(tables: UserTables, people: UserTable) -> None:
    await tables.alter("7", "8", people.id, TableSettings("人员", people.fields, access="unlimited"), revision=1)
    bert = use(people, "bert")
    assert len(await names(tables, bert)) == 3
    assert (await tables.remove(bert, only("姓名", Operator.EQUAL, "Ada"))).count == 1


async def test_a_read_only_table_is_changed_by_those_who_manage_it(tables: UserTables, people: UserTable) -> None:
    await tables.alter("7", "8", people.id, TableSettings("人员", people.fields, access="read_only"), revision=1)
    bert = use(people, "bert")
    assert len(await names(tables, bert)) == 3
    for attempt in (
        tables.insert(bert, [{"姓名": "x"}]),
        tables.update(bert, {"age": 1}, Filter()),
        tables.remove(bert, Filter()),
    ):
        with pytest.raises(Conflict, match="read-only"):
            await attempt
    with pytest.raises(SqlRefused, match="read-only"):
        await tables.execute(bert, ["DELETE FROM 人员 WHERE id > 0"])
    manager = TableUse("7", "8", people.id, user="carla", manage=True)
    assert (await tables.insert(manager, [{"姓名": "x"}])).rows[0]["uuid"] == "carla"


# --- once ---


async def test_a_write_with_the_same_key_is_done_once(tables: UserTables, people: UserTable) -> None:
    first = await tables.insert(use(people), [{"姓名": "once"}], key="run/step")
    again = await tables.insert(use(people), [{"姓名": "twice"}], key="run/step")
    assert again == first
    assert await names(tables, use(people), Query(only("姓名", Operator.LIKE, "ce"))) == ["once"]
    one = only("age", Operator.LESS_THAN, 100)
    assert (await tables.update(use(people), {"age": 200}, one, key="run/change")).count == 2
    assert (await tables.update(use(people), {"age": 300}, one, key="run/change")).count == 2
    assert (await tables.remove(use(people), only("age", Operator.EQUAL, 200), key="run/drop")).count == 2
    assert (await tables.remove(use(people), only("age", Operator.IS_NULL), key="run/drop")).count == 2
    assert await names(tables, use(people)) == ["Ada", "once"]


async def test_a_write_that_failed_is_not_done(tables: UserTables, people: UserTable) -> None:
    with pytest.raises(InvalidInput):
        await tables.insert(use(people), [{"age": "x"}], key="run/step")
    assert (await tables.insert(use(people), [{"姓名": "now"}], key="run/step")).count == 1


async def test_too_many_rows_at_once_are_refused(tables: UserTables, people: UserTable) -> None:
    for rows in ([], [{"姓名": "x"}] * 1_001):
        with pytest.raises(InvalidInput):
            await tables.insert(use(people), rows)


async def test_tables_do_not_grow_without_end(small_tables: UserTables) -> None:
    table = await small_tables.create("7", "8", TableSettings("t", (TableField("a"),)))

    async def fill() -> None:
        for _ in range(100):
            await small_tables.insert(use(table), [{"a": "x" * 100_000}])

    with pytest.raises(LimitExceeded) as refusal:
        await fill()
    assert refusal.value.facts["setting"] == "MAINSPRING_TABLE_ORGANISATION_BYTES"
    assert (await small_tables.query(use(table), Query(limit=1))).count == 1
