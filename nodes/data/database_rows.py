"""What the nodes on user tables share: whose rows they work on, how conditions read, and how rows become an output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.canvas import JsonSchema, Node
from engine.conversion import convert
from engine.diagnostics import Diagnostic
from engine.errors import InvalidInput
from engine.schema import as_schema, items_of, properties_of
from engine.templates import to_text
from engine.values import Json
from nodes.surface import NodeContext
from storage.ports.tables import Condition, Filter, Found, Operator, TableUse

ROWS = "outputList"
COUNT = "rowNum"
_NO_RIGHT = (Operator.IS_NULL, Operator.IS_NOT_NULL)


class TableSettings(BaseModel):
    """The table that a node works on."""

    model_config = ConfigDict(extra="forbid")

    database: str = Field(description="The table: its id, or its name in this space.")


class MeaningSettings(TableSettings):
    """The table, and how conditions are joined."""

    logic: Literal["and", "or"] | None = Field(
        None, description="Whether all conditions must hold (`and`) or one is enough; needed unless there is one alone."
    )

    @field_validator("logic", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return (value.lower() or None) if isinstance(value, str) else value


class Where(BaseModel):
    """A condition on a row."""

    model_config = ConfigDict(extra="forbid")

    left: str = Field(description="A column: a field, or `id`, `uuid`, `sys_platform`, `bstudio_create_time`.")
    operator: Operator
    right: Any = Field(None, description="A value; a list for IN and NOT_IN; nothing for IS_NULL and IS_NOT_NULL.")

    @field_validator("operator", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value


def table_use(ctx: NodeContext, database: str) -> TableUse:
    """The table on behalf of the run's user: its test data in a test run."""
    run = ctx.run
    return TableUse(
        run.org_id, run.space_id, database, draft=run.draft, user=run.user_id, channel=run.channel
    )  # fmt: skip


def read_filter(where: Sequence[Where] | None, logic: Literal["and", "or"] | None) -> Filter:
    """The filter that the conditions make. Raises `InvalidInput`."""
    if where is None:
        return Filter()
    if len(where) != 1 and logic is None:
        raise InvalidInput("Say whether all conditions must hold (and) or one is enough (or).", field="logic")
    conditions: list[Condition] = []
    for place, one in enumerate(where):
        if one.operator in (Operator.IN, Operator.NOT_IN) and not isinstance(one.right, list):
            raise InvalidInput(f"{one.operator} needs a list to look in.", field=f"where.{place}.right")
        conditions.append(Condition(one.left, one.operator, None if one.operator in _NO_RIGHT else one.right))
    return Filter(tuple(conditions), logic or "and")


def needed_filter(where: Sequence[Where] | None, logic: Literal["and", "or"] | None) -> Filter:
    """The filter of a node that changes rows, which never means all of them by chance."""
    found = read_filter(where, logic)
    if not found.conditions:
        raise InvalidInput("Say which rows are meant: there is no condition.", field="where")
    return found


def output_of(ctx: NodeContext, found: Found) -> dict[str, Json]:
    """The output: the rows as the canvas declares them, and their number."""
    if found.truncated:
        ctx.warn(f"There are more rows than the {len(found.rows)} that are read at once.")
    row = _declared_row(ctx.output_schema or {})
    rows: list[Json] = [_shown(one, row) for one in found.rows]
    return {ROWS: rows, COUNT: found.count}


def check_output(node: Node, settings: object) -> Iterator[Diagnostic]:
    """The canvas must say that there is a list of rows, so that what follows can refer to it."""
    declared = properties_of(node.data.outputs or {}).get(ROWS)
    schema = as_schema(declared)
    if schema.get("type") != "array" or items_of(schema).get("type", "object") != "object":
        yield Diagnostic(
            code="missing_output",
            message=f"The output must declare {ROWS}, a list of objects, and may declare {COUNT}, a whole number.",
            node=node.id,
            field="data.outputs",
        )


def _declared_row(schema: Mapping[str, Json]) -> JsonSchema:
    return dict(properties_of(items_of(as_schema(properties_of(dict(schema)).get(ROWS)))))


def _shown(row: Mapping[str, Json], declared: Mapping[str, Json]) -> Json:
    """A row with the members that are declared, null where a value does not fit; without any, all as texts."""
    if not declared:
        return {name: None if value is None else to_text(value) for name, value in row.items()}
    known = {name.casefold(): value for name, value in row.items()}
    return {name: _fitting(known.get(name.casefold()), as_schema(schema)) for name, schema in declared.items()}


def _fitting(value: Json, schema: JsonSchema) -> Json:
    # From the text of it, as everything else: 1 is true there.
    given = to_text(value) if schema.get("type") == "boolean" and value is not None else value
    made, _ = convert(given, schema)
    # A list that could not be read is null like the rest.
    return None if made == [] and value not in ([], "[]") else cast("Json", made)
