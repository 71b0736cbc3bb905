"""A table of people for the suites of user tables, and rows of it."""

from __future__ import annotations

from typing import Any

from engine.values import Json
from storage.ports.tables import Query, TableField, TableSettings, TableUse, UserTable, UserTables

PEOPLE = TableSettings(
    "人员",
    (
        TableField("姓名", "text", "什么名字", required=True),
        TableField("age", "integer"),
        TableField("height", "number"),
        TableField("active", "boolean"),
        TableField("born", "time"),
    ),
    "Who there is.",
)
ROWS: list[dict[str, Json]] = [
    {"姓名": "李雷", "age": 30, "height": 1.8, "active": True, "born": "1996-01-02 03:04:05"},
    {"姓名": "Hanako", "age": 25, "height": 1.6, "active": False, "born": "2001-05-06"},
    {"姓名": "Ada", "age": None, "height": None, "active": None, "born": None},
]


def use(table: UserTable, user: str = "anna", **more: Any) -> TableUse:
    """The table on behalf of a user."""
    return TableUse("7", "8", table.id, user=user, channel="web", **more)


async def names(tables: UserTables, used: TableUse, query: Query | None = None) -> list[Json]:
    """Who is found."""
    return [row["姓名"] for row in (await tables.query(used, query or Query())).rows]
