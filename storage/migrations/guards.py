"""DDL that does nothing when it is done already: a migration that was cut off simply runs again."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, Constraint, inspect


def create_table(name: str, *parts: Column[Any] | Constraint, **options: Any) -> None:
    """Create a table, unless it is there."""
    if not inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **options)


def add_column(table: str, column: Column[Any]) -> None:
    """Add a column to a table, unless it is there."""
    if column.name not in {known["name"] for known in inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def create_index(name: str, table: str, columns: list[str], **options: Any) -> None:
    """Create an index, unless it is there."""
    if name not in {index["name"] for index in inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns, **options)
