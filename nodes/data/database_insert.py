"""Add Data: add a row to a user table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.values import Json
from nodes.data.database_rows import TableSettings, check_output, output_of, table_use
from nodes.reading import read_settings
from nodes.surface import DECLARED, Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    values: dict[str, Any] = Field(description="The values of the new row, by the names of its fields.")


@activity_node(
    "database_insert",
    title="Add Data",
    category=Category.DATA,
    timeout=timedelta(seconds=60),
    retry=Retry(attempts=3),
    outputs=DECLARED,
    settings=TableSettings,
    check=check_output,
    null_outputs=False,
    examples=(
        Example(
            title="A new customer",
            inputs={"values": {"name": "Ada", "city": "London", "orders": "2"}},
            settings={"database": "customers"},
            output={"outputList": [{"name": "Ada", "city": "London", "orders": 2}], "rowNum": 1},
        ),
    ),
)
async def database_insert(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Add a row to a user table; it belongs to the run's user.

    Values become what their fields are (`"2"` becomes 2), and what cannot is an error. An empty text for a field that
    holds no text is null. The row is added once, also when the step is done again after a crash. `outputList` holds
    the row as it is then.
    """
    settings = read_settings(TableSettings, ctx.settings)
    use = table_use(ctx, settings.database)
    return output_of(ctx, await ctx.tables.insert(use, [inputs.values], key=ctx.idempotency_key))
