"""SQL: one statement of an author's own on a user table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.references import split_template
from engine.templates import look_up, to_text
from engine.values import MISSING, Json
from nodes.data.database_rows import TableSettings, check_output, output_of, table_use
from nodes.reading import read_settings
from nodes.surface import DECLARED, Category, Example, NodeContext, Retry, activity_node
from storage.ports.tables import Slot


class Settings(TableSettings):
    sql: str = Field(
        description="One SELECT, INSERT, UPDATE or DELETE on the table, as MySQL reads it. {{input}} stands for the"
        " value of an input; put it in quotes where it is a value."
    )


class Inputs(BaseModel):
    model_config = ConfigDict(extra="allow")


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    yield from check_output(node, settings)
    for part in split_template(settings.sql):
        if not isinstance(part, str) and part[0][0] not in node.data.inputs:
            yield Diagnostic(
                code="unknown_placeholder",
                message=f"{part[1]} names no input of the node, so that it stays as it is.",
                node=node.id,
                field="data.settings.sql",
                severity="warning",
            )


@activity_node(
    "database_sql",
    title="SQL",
    category=Category.DATA,
    timeout=timedelta(seconds=60),
    retry=Retry(attempts=3),
    outputs=DECLARED,
    settings=Settings,
    check=check,
    examples=(
        Example(
            title="How many",
            inputs={},
            settings={"database": "customers", "sql": "SELECT COUNT(*) AS customers FROM customers WHERE orders > 0"},
            output={"outputList": [{"customers": 2}], "rowNum": 1},
        ),
        Example(
            title="Orders by city",
            inputs={"city": "京"},
            settings={
                "database": "customers",
                "sql": "SELECT city, SUM(orders) AS total FROM customers WHERE city LIKE '%{{city}}%' GROUP BY city"
                " ORDER BY total DESC",
            },
            output={"outputList": [{"city": "北京", "total": 3}, {"city": "京都", "total": 1}], "rowNum": 2},
        ),
    ),
)
async def database_sql(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Carry out one statement of SQL on a user table, as MySQL reads it.

    A placeholder within quotes is a value, whatever it holds: `WHERE name = '{{name}}'` and `LIKE '%{{part}}%'` are
    safe. Elsewhere its text becomes part of the statement, which is then looked at like all of it. True and false are
    1 and 0.

    Taken are SELECT with joins of the table with itself, sub-queries, WITH, UNION and the usual functions; INSERT …
    VALUES; UPDATE and DELETE with a WHERE. Whatever the statement says, a run of a limited table sees and changes the
    rows of its own user alone, and no other table. A query gives up to 1,000 rows.
    """
    settings = read_settings(Settings, ctx.settings)
    values: Mapping[str, Json] = dict(inputs.model_extra or {})
    parts = [
        part if isinstance(part, str) else _slot(look_up(values, part[0]), part[1])
        for part in split_template(settings.sql)
    ]
    found = await ctx.tables.execute(table_use(ctx, settings.database), parts, key=ctx.idempotency_key)
    return output_of(ctx, found)


def _slot(value: object, literal: str) -> Slot | str:
    if value is MISSING:
        return literal
    if isinstance(value, bool):
        return Slot("1" if value else "0")
    return Slot("", "NULL") if value is None else Slot(to_text(value))
