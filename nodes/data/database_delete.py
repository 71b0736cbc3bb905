"""Delete Data: take rows out of a user table."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from engine.values import Json
from nodes.data.database_rows import MeaningSettings, Where, check_output, needed_filter, output_of, table_use
from nodes.reading import read_settings
from nodes.surface import DECLARED, Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    where: list[Where] | None = Field(None, description="Which rows; there must be a condition.")


@activity_node(
    "database_delete",
    title="Delete Data",
    category=Category.DATA,
    timeout=timedelta(seconds=60),
    retry=Retry(attempts=3),
    outputs=DECLARED,
    settings=MeaningSettings,
    check=check_output,
    null_outputs=False,
    examples=(
        Example(
            title="Customers without orders, or of no city",
            inputs={
                "where": [
                    {"left": "orders", "operator": "LESS_THAN", "right": 2},
                    {"left": "city", "operator": "IS_NULL"},
                ]
            },
            settings={"database": "customers", "logic": "or"},
            output={"outputList": [], "rowNum": 1},
        ),
    ),
)
async def database_delete(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Take out of a user table the rows for which conditions hold; `rowNum` says how many there were.

    The conditions are those of Query Data; without any nothing is taken out, and the node fails. Of a limited table a
    run takes out the rows of its own user alone.
    """
    settings = read_settings(MeaningSettings, ctx.settings)
    use, where = table_use(ctx, settings.database), needed_filter(inputs.where, settings.logic)
    return output_of(ctx, await ctx.tables.remove(use, where, key=ctx.idempotency_key))
