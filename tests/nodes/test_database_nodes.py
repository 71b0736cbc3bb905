"""The nodes on user tables: conditions, outputs as they are declared, whose rows, and SQL with values in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from engine.canvas import Canvas
from engine.errors import Conflict, FlowError, InvalidInput, NotFound
from engine.runtime import RunContext
from engine.values import Json
from storage.ports.tables import SqlRefused, TableField, TableSettings, TableUse, UserTable
from storage.user_tables.sqlite.tables import SqliteUserTables
from tests.nodes.context import RUN, NodeWorld
from tests.nodes.drawing import LIBRARY, Walk, canvas, end, findings, node, start

ORDERS = TableSettings(
    "订单",
    (
        TableField("客户", "text", required=True),
        TableField("amount", "integer"),
        TableField("price", "number"),
        TableField("paid", "boolean"),
        TableField("due", "time"),
        TableField("tags", "text"),
    ),
)
ROWS: list[dict[str, Json]] = [
    {"客户": "李雷", "amount": 3, "price": 9.5, "paid": True, "due": "2026-01-31 10:00:00", "tags": '["a", "b"]'},
    {"客户": "Ada", "amount": 1, "price": 20, "paid": False, "due": "2026-02-14"},
    {"客户": "Hanako", "amount": None, "tags": "none"},
]


def output(**members: Any) -> dict[str, Any]:
    """A declared output with these members of a row: a type, or a schema."""
    row = {name: {"type": kind} if isinstance(kind, str) else kind for name, kind in members.items()}
    items: dict[str, Any] = {"type": "object", "properties": row}
    rows = {"outputList": {"type": "array", "items": items}, "rowNum": {"type": "integer"}}
    return {"type": "object", "properties": rows}


@dataclass
class Desk:
    """Runs nodes on the table, each as a step of its own."""

    world: NodeWorld
    tables: SqliteUserTables
    table: UserTable
    run: RunContext = field(default_factory=lambda: replace(RUN, channel="web"))
    steps: int = 0

    async def do(
        self, kind: str, inputs: Mapping[str, Any], declared: Mapping[str, Any] | None = None, **settings: Any
    ) -> dict[str, Any]:
        self.steps += 1
        world = replace(
            self.world,
            run=self.run,
            settings={"database": self.table.id, **settings},
            output_schema=output() if declared is None else declared,
            idempotency_key=f"{self.run.run_id}/{self.steps}",
        )
        return await LIBRARY.activities[f"database_{kind}"].run(inputs, world)

    async def found(self, *where: Mapping[str, Any], **settings: Any) -> list[Any]:
        told = await self.do("query", {"where": [*where] or None}, output(客户="string"), **settings)
        return [row["客户"] for row in told["outputList"]]

    async def sql(self, text: str, declared: Mapping[str, Any] | None = None, **values: Any) -> dict[str, Any]:
        return await self.do("sql", values, declared, sql=text)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    tables = SqliteUserTables(tmp_path)
    table = await tables.create("10", "20", ORDERS)
    await tables.insert(TableUse("10", "20", table.id, user="40", channel="web"), ROWS)
    world = NodeWorld()
    world.tables = tables  # type: ignore[assignment]
    yield Desk(world, tables, table)
    tables.close()


# --- outputs ---


async def test_rows_have_what_the_output_declares_converted_or_null(desk: Desk) -> None:
    declared = output(
        客户="string", amount="string", price="integer", paid="boolean", due={"type": "string", "format": "time"},
        tags="array", nothing="string", id="integer",
    )  # fmt: skip
    told = await desk.do("query", {}, declared)
    first, second, third = told["outputList"]
    assert {**first, "id": 0} == {
        "客户": "李雷", "amount": "3", "price": 9, "paid": True, "due": "2026-01-31 10:00:00", "tags": ["a", "b"],
        "nothing": None, "id": 0,
    }  # fmt: skip
    assert (second["paid"], second["due"], second["tags"]) == (False, "2026-02-14 00:00:00", None)
    assert (third["amount"], third["price"], third["paid"], third["tags"]) == (None, None, None, None)
    assert isinstance(first["id"], int)
    assert told["rowNum"] == 3


async def test_without_declared_members_all_columns_come_as_texts(desk: Desk) -> None:
    told = await desk.do("query", {"where": [{"left": "amount", "operator": "EQUAL", "right": 3}]})
    (row,) = told["outputList"]
    assert {name: row[name] for name in ("客户", "amount", "price", "paid", "uuid", "sys_platform")} == {
        "客户": "李雷", "amount": "3", "price": "9.5", "paid": "true", "uuid": "40", "sys_platform": "web",
    }  # fmt: skip
    assert row["id"].isdecimal()


@pytest.mark.parametrize(
    "declared",
    [
        None,
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"outputList": {"type": "string"}}},
        {"type": "object", "properties": {"outputList": {"type": "array", "items": {"type": "string"}}}},
    ],
)
def test_a_list_of_rows_must_be_declared(declared: dict[str, Any] | None) -> None:
    data: dict[str, Any] = {} if declared is None else {"outputs": declared}
    drawn = node("n", "database_query", {}, settings={"database": "x"}, **data)
    found = findings(start(), drawn, end({}), lines="start>n>end")
    assert [(one.code, one.severity) for one in found if one.node == "n"] == [("missing_output", "error")]


def test_null_is_filled_in_for_sql_alone() -> None:
    flags = {name: one.null_outputs for name, one in LIBRARY.types.items() if name.startswith("database_")}
    assert flags == {
        "database_sql": True, "database_query": False, "database_insert": False, "database_update": False,
        "database_delete": False,
    }  # fmt: skip


# --- conditions ---


@pytest.mark.parametrize(
    ("left", "operator", "right", "expected"),
    [
        ("amount", "EQUAL", "3", ["李雷"]),
        ("amount", "not_equal", 3, ["Ada"]),
        ("amount", "GREATER_THAN", 1, ["李雷"]),
        ("amount", "LESS_THAN", 3, ["Ada"]),
        ("amount", "GREATER_EQUAL", 1, ["李雷", "Ada"]),
        ("amount", "LESS_EQUAL", 1, ["Ada"]),
        ("amount", "IN", ["1", 3], ["李雷", "Ada"]),
        ("客户", "NOT_IN", ["Ada"], ["李雷", "Hanako"]),
        ("amount", "IS_NULL", None, ["Hanako"]),
        ("amount", "IS_NOT_NULL", "whatever", ["李雷", "Ada"]),
        ("客户", "LIKE", "a", ["Ada", "Hanako"]),
        ("客户", "NOT_LIKE", "雷", ["Ada", "Hanako"]),
        ("paid", "EQUAL", True, ["李雷"]),
        ("due", "GREATER_THAN", "2026-02-01", ["Ada"]),
        ("客户", "EQUAL", None, []),
    ],
)
async def test_a_condition_finds_its_rows(
    desk: Desk, left: str, operator: str, right: Any, expected: list[str]
) -> None:
    assert await desk.found({"left": left, "operator": operator, "right": right}) == expected


async def test_conditions_are_joined_as_the_settings_say(desk: Desk) -> None:
    two = ({"left": "amount", "operator": "EQUAL", "right": 3}, {"left": "客户", "operator": "EQUAL", "right": "Ada"})
    assert await desk.found(*two, logic="OR") == ["李雷", "Ada"]
    assert await desk.found(*two, logic="and") == []
    with pytest.raises(InvalidInput, match=r"all conditions must hold \(and\) or one is enough"):
        await desk.found(*two)
    assert await desk.found(two[0], logic=None) == ["李雷"]


async def test_no_conditions_mean_all_rows_but_need_a_word_where_there_is_a_list(desk: Desk) -> None:
    assert len((await desk.do("query", {}))["outputList"]) == 3
    assert len((await desk.do("query", {"where": []}, logic="and"))["outputList"]) == 3
    with pytest.raises(InvalidInput, match="and"):
        await desk.do("query", {"where": []})


@pytest.mark.parametrize(
    "condition",
    [
        {"left": "amount", "operator": "IN", "right": "3"},
        {"left": "amount", "operator": "NOT_IN", "right": None},
        {"left": "amount", "operator": "RESEMBLES", "right": 1},
        {"left": "nope", "operator": "EQUAL", "right": 1},
        {"left": "amount", "operator": "EQUAL", "right": "many"},
        {"left": "amount; --", "operator": "EQUAL", "right": 1},
    ],
)
async def test_a_condition_that_cannot_be_is_told(desk: Desk, condition: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await desk.found(condition)


async def test_columns_order_and_limit(desk: Desk) -> None:
    settings: dict[str, Any] = {
        "fields": [{"name": "客户"}, {"name": "price"}],
        "order_by": [{"name": "price", "ascending": False}],
        "limit": 2,
    }
    told = await desk.do("query", {}, **settings)
    assert told["outputList"] == [{"客户": "Ada", "price": "20"}, {"客户": "李雷", "price": "9.5"}]
    await desk.do("insert", {"values": {"客户": "Ada"}})
    told = await desk.do("query", {}, fields=[{"name": "客户", "distinct": True}], order_by=[{"name": "客户"}])
    assert [row["客户"] for row in told["outputList"]] == ["Ada", "Hanako", "李雷"]
    with pytest.raises(InvalidInput, match="limit"):
        await desk.do("query", {}, limit=0)


# --- writing ---


async def test_a_row_is_added_once(desk: Desk) -> None:
    declared = output(客户="string", amount="integer", uuid="string", sys_platform="string")
    first = await desk.do("insert", {"values": {"客户": "Bert", "amount": "7", "due": ""}}, declared)
    assert first == {
        "outputList": [{"客户": "Bert", "amount": 7, "uuid": "40", "sys_platform": "web"}], "rowNum": 1,
    }  # fmt: skip
    desk.steps -= 1
    assert await desk.do("insert", {"values": {"客户": "Bert", "amount": "7"}}, declared) == first
    assert await desk.found({"left": "客户", "operator": "EQUAL", "right": "Bert"}) == ["Bert"]


async def test_rows_are_changed_and_taken_out(desk: Desk) -> None:
    ada = [{"left": "客户", "operator": "EQUAL", "right": "Ada"}]
    assert await desk.do("update", {"values": {"paid": "true", "amount": None}, "where": ada}) == {
        "outputList": [], "rowNum": 1,
    }  # fmt: skip
    assert await desk.found({"left": "paid", "operator": "EQUAL", "right": True}) == ["李雷", "Ada"]
    assert (await desk.do("delete", {"where": ada}))["rowNum"] == 1
    assert await desk.found() == ["李雷", "Hanako"]


@pytest.mark.parametrize("inputs", [{}, {"where": []}, {"where": None}])
@pytest.mark.parametrize("kind", ["update", "delete"])
async def test_a_change_without_a_condition_is_refused(desk: Desk, kind: str, inputs: dict[str, Any]) -> None:
    values = {"values": {"amount": 1}} if kind == "update" else {}
    with pytest.raises(InvalidInput, match="no condition"):
        await desk.do(kind, {**values, **inputs}, logic="and")
    assert len(await desk.found()) == 3


@pytest.mark.parametrize(
    "values", [{"客户": None}, {"amount": 1}, {"客户": "x", "nope": 1}, {"客户": "x", "amount": "y"}, {"id": 5}]
)
async def test_a_row_that_does_not_fit_is_refused(desk: Desk, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await desk.do("insert", {"values": values})


# --- whose ---


async def test_a_run_sees_the_rows_of_its_own_user(desk: Desk) -> None:
    desk.run = replace(desk.run, user_id="41")
    assert await desk.found() == []
    everything = [{"left": "客户", "operator": "NOT_EQUAL", "right": ""}]
    assert (await desk.do("delete", {"where": everything}))["rowNum"] == 0
    assert (await desk.sql("SELECT COUNT(*) AS n FROM 订单", output(n="integer")))["outputList"] == [{"n": 0}]
    desk.run = replace(desk.run, user_id="40")
    assert len(await desk.found()) == 3


async def test_a_test_run_works_on_the_test_data(desk: Desk) -> None:
    desk.run = replace(desk.run, draft=True)
    assert await desk.found() == []
    await desk.do("insert", {"values": {"客户": "test"}})
    await desk.sql("UPDATE 订单 SET amount = 5 WHERE 客户 = 'test'")
    assert await desk.found({"left": "amount", "operator": "EQUAL", "right": 5}) == ["test"]
    desk.run = replace(desk.run, draft=False)
    assert "test" not in await desk.found()


async def test_a_table_of_another_space_or_system_is_not_found(desk: Desk) -> None:
    for run in (replace(RUN, space_id="21"), replace(RUN, org_id="11")):
        desk.run = run
        with pytest.raises(NotFound):
            await desk.found()
    desk.run = RUN
    with pytest.raises(NotFound):
        await desk.do("query", {}, database="coze:7301")


async def test_a_read_only_table_is_not_written(desk: Desk) -> None:
    await desk.tables.alter("10", "20", desk.table.id, replace(ORDERS, access="read_only"), revision=1)
    assert len(await desk.found()) == 3
    with pytest.raises(Conflict, match="read-only"):
        await desk.do("insert", {"values": {"客户": "x"}})
    with pytest.raises(SqlRefused, match="read-only"):
        await desk.sql("DELETE FROM 订单 WHERE amount > 0")


# --- SQL ---


async def test_sql_reads_with_values(desk: Desk) -> None:
    declared = output(客户="string", price="number")
    text = "SELECT `客户`, price FROM 订单 WHERE 客户 = '{{who}}' OR amount = {{n}} ORDER BY {{by}} DESC LIMIT {{ n }}"
    told = await desk.sql(text, declared, who="Ada", n=3, by="price")
    assert told == {"outputList": [{"客户": "Ada", "price": 20}, {"客户": "李雷", "price": 9.5}], "rowNum": 2}


async def test_sql_values_are_found_in_objects_and_lists(desk: Desk) -> None:
    told = await desk.sql(
        "SELECT 客户 FROM 订单 WHERE 客户 IN ('{{people[0].name}}', '{{people[1].name}}') ORDER BY id",
        output(客户="string"),
        people=[{"name": "李雷"}, {"name": "Ada"}],
    )
    assert [row["客户"] for row in told["outputList"]] == ["李雷", "Ada"]


async def test_sql_writes_with_values(desk: Desk) -> None:
    text = "INSERT INTO 订单 (客户, amount, paid, tags, due) VALUES ('{{who}}', {{n}}, {{yes}}, '{{list}}', {{none}})"
    declared = output(客户="string", amount="integer", paid="boolean", tags="array", due="string")
    told = await desk.sql(text, declared, who="O'Hara", n=None, yes=True, list=[1, 2], none=None)
    row = {"客户": "O'Hara", "amount": None, "paid": True, "tags": [1, 2], "due": None}
    assert told == {"outputList": [row], "rowNum": 1}
    assert (await desk.sql("UPDATE 订单 SET paid = '{{no}}' WHERE 客户 = '{{who}}'", who="O'Hara", no=False))[
        "rowNum"
    ] == 1
    assert (await desk.sql("DELETE FROM 订单 WHERE 客户 LIKE '%{{part}}%'", part="O'H"))["rowNum"] == 1


@pytest.mark.parametrize(
    "value", ["' OR '1'='1", "'; DROP TABLE 订单; --", "\\", "x' UNION SELECT name FROM definition --"]
)
async def test_a_value_in_quotes_does_not_change_the_sql(desk: Desk, value: str) -> None:
    for text in ("SELECT * FROM 订单 WHERE 客户 = '{{v}}'", "SELECT * FROM 订单 WHERE 客户 LIKE '%{{v}}%'"):
        assert (await desk.sql(text, v=value))["outputList"] == []


async def test_sql_with_a_placeholder_that_names_nothing_is_told_when_it_is_drawn(desk: Desk) -> None:
    settings = {"database": "x", "sql": "SELECT * FROM x WHERE a = '{{who}}'"}
    drawn = node("n", "database_sql", {"name": {"value": 1}}, settings=settings, outputs=output())
    found = findings(start(), drawn, end({}), lines="start>n>end")
    assert [(one.code, one.severity) for one in found if one.node == "n"] == [("unknown_placeholder", "warning")]
    with pytest.raises(SqlRefused):
        await desk.sql("SELECT * FROM 订单 WHERE amount = {{who}}")


@pytest.mark.parametrize("text", ["", "DROP TABLE 订单", "SELECT * FROM definition", "SELECT 1; SELECT 2", "{{whole}}"])
async def test_sql_that_is_not_for_authors_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(FlowError) as refusal:
        await desk.sql(text, whole="DELETE FROM 订单")
    assert refusal.value.code == "sql_refused"


async def test_more_rows_than_are_read_at_once_leave_a_warning(desk: Desk) -> None:
    use = TableUse("10", "20", desk.table.id, user="40")
    for _ in range(2):
        await desk.tables.insert(use, [{"客户": str(n)} for n in range(600)])
    world = replace(
        desk.world,
        settings={"database": desk.table.id, "sql": "SELECT 客户 FROM 订单"},
        output_schema=output(客户="string"),
        warned=[],
    )
    told: dict[str, Any] = await LIBRARY.activities["database_sql"].run({}, world)
    assert (told["rowNum"], len(told["outputList"])) == (1_000, 1_000)
    assert world.warned == ["There are more rows than the 1000 that are read at once."]


# --- on a canvas ---


async def test_conditions_and_values_are_drawn_as_lists_and_objects() -> None:
    hers = {"left": {"value": "name"}, "operator": {"value": "EQUAL"}, "right": {"ref": ["start", "who"]}}
    where = [{"object": hers}]
    changes = {"object": {"orders": {"ref": ["start", "n"]}}}
    drawn: Canvas = canvas(
        start({"who": "string", "n": "string"}),
        node(
            "change",
            "database_update",
            {"values": changes, "where": {"list": where}},
            settings={"database": "customers"},
            outputs=output(),
        ),
        node(
            "read",
            "database_query",
            {"where": {"list": where}},
            settings={"database": "customers"},
            outputs=output(name="string", orders="integer"),
        ),
        end({"rows": {"ref": ["read", "outputList"]}, "n": {"ref": ["change", "rowNum"]}}),
        lines="start>change>read>end",
    )
    result = await Walk(drawn).run({"who": "Hanako", "n": "12"})
    assert result.output == {"rows": [{"name": "Hanako", "orders": 12}], "n": 1}
