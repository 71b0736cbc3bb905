"""Query Data: read rows of a user table."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from engine.values import Json
from nodes.data.database_rows import MeaningSettings, Where, check_output, output_of, read_filter, table_use
from nodes.reading import read_settings
from nodes.surface import DECLARED, Category, Example, NodeContext, Retry, activity_node
from storage.ports.tables import Order, Query


class Wanted(BaseModel):
    """A column to read."""

    model_config = ConfigDict(extra="forbid")

    name: str
    distinct: bool = Field(False, description="Leave out rows that are the same in all columns read.")


class By(BaseModel):
    """A column to order by."""

    model_config = ConfigDict(extra="forbid")

    name: str
    ascending: bool = True


class Settings(MeaningSettings):
    fields: list[Wanted] = Field(default_factory=list, description="The columns to read; none means all.")
    order_by: list[By] = Field(default_factory=list, description="Without any, the oldest row comes first.")
    limit: int = Field(100, ge=1, le=1000, description="How many rows at most.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    where: list[Where] | None = Field(None, description="Which rows; all where there are no conditions.")


@activity_node(
    "database_query",
    title="Query Data",
    category=Category.DATA,
    tier="local",
    timeout=timedelta(seconds=60),
    retry=Retry(attempts=3),
    outputs=DECLARED,
    settings=Settings,
    check=check_output,
    null_outputs=False,
    examples=(
        Example(
            title="Customers of a city, the best first",
            inputs={"where": [{"left": "city", "operator": "LIKE", "right": "京"}]},
            settings={
                "database": "customers",
                "fields": [{"name": "name"}, {"name": "orders"}],
                "order_by": [{"name": "orders", "ascending": False}],
                "limit": 10,
            },
            output={"outputList": [{"name": "李雷", "orders": 3}, {"name": "Hanako", "orders": 1}], "rowNum": 2},
        ),
    ),
)
async def database_query(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Read rows of a user table: those for which conditions hold, in an order, up to a number.

    A condition compares a column with a value by EQUAL, NOT_EQUAL, GREATER_THAN, LESS_THAN, GREATER_EQUAL, LESS_EQUAL,
    IN, NOT_IN, LIKE, NOT_LIKE, IS_NULL or IS_NOT_NULL. LIKE finds the value anywhere in a text. Of a limited table a
    run sees the rows of its own user alone. A test run works on the test data.

    `outputList` holds the rows with the members that the output declares; what does not fit its type is null, and
    without declared members all columns come as texts.
    """
    settings = read_settings(Settings, ctx.settings)
    query = Query(
        where=read_filter(inputs.where, settings.logic),
        columns=tuple(one.name for one in settings.fields),
        distinct=any(one.distinct for one in settings.fields),
        order=tuple(Order(one.name, one.ascending) for one in settings.order_by),
        limit=settings.limit,
    )
    return output_of(ctx, await ctx.tables.query(table_use(ctx, settings.database), query))
