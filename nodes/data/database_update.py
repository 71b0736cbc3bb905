"""Update Data: change rows of a user table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.values import Json
from nodes.data.database_rows import MeaningSettings, Where, check_output, needed_filter, output_of, table_use
from nodes.reading import read_settings
from nodes.surface import DECLARED, Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    values: dict[str, Any] = Field(description="The new values, by the names of their fields.")
    where: list[Where] | None = Field(None, description="Which rows; there must be a condition.")


@activity_node(
    "database_update",
    title="Update Data",
    category=Category.DATA,
    timeout=timedelta(seconds=60),
    retry=Retry(attempts=3),
    outputs=DECLARED,
    settings=MeaningSettings,
    check=check_output,
    null_outputs=False,
    examples=(
        Example(
            title="One order more",
            inputs={
                "values": {"orders": 4, "vip": True},
                "where": [{"left": "name", "operator": "EQUAL", "right": "李雷"}],
            },
            settings={"database": "customers"},
            output={"outputList": [], "rowNum": 1},
        ),
    ),
)
async def database_update(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Change the rows of a user table for which conditions hold; `rowNum` says how many there were.

    The conditions are those of Query Data; without any nothing is changed, and the node fails. Of a limited table a
    run changes the rows of its own user alone.
    """
    settings = read_settings(MeaningSettings, ctx.settings)
    use, where = table_use(ctx, settings.database), needed_filter(inputs.where, settings.logic)
    return output_of(ctx, await ctx.tables.update(use, inputs.values, where, key=ctx.idempotency_key))
