"""The tables would also fit into MySQL and MariaDB, whose limits SQLite does not have."""

import pytest
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from storage.tables import Organisation
from storage.tables.columns import Id, JsonText, Millis, Word

TABLES = Organisation.metadata.sorted_tables
INDEX_BYTES = 3_072


def indexed(table: Table) -> list[list[Column[object]]]:
    unique = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    groups = [table.primary_key.columns, *(one.columns for one in unique), *(index.columns for index in table.indexes)]
    return [[*columns] for columns in groups]


def size(column: Column[object]) -> int:
    """Bytes in an index, four for each character."""
    return 4 * (column.type.length or 1_000_000) if isinstance(column.type, String) else 8


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_index_fits(table: Table) -> None:
    assert [group for group in indexed(table) if sum(map(size, group)) > INDEX_BYTES] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_are_of_kinds_that_all_databases_keep_alike(table: Table) -> None:
    allowed = (BigInteger, Integer, String, Text, LargeBinary, JsonText)
    for column in table.columns:
        assert isinstance(column.type, allowed), column
        if isinstance(column.type, String) and not isinstance(column.type, Text):
            assert column.type.length, column


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_is_compared_is_compared_letter_by_letter(table: Table) -> None:
    for group in indexed(table):
        assert all(isinstance(column.type, Word) or column.type in (Id, Millis) or isinstance(column.type, Integer)
                   for column in group), group  # fmt: skip


def test_long_texts_are_long_on_mysql_too() -> None:
    dialect = mysql.dialect()
    ddl = {table.name: str(CreateTable(table).compile(dialect=dialect)) for table in TABLES}
    assert "body LONGTEXT" in ddl["run_event"]
    assert "data LONGBLOB" in ddl["plan"]
    assert "`key` VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" in ddl["workflow"]
    assert "id BIGINT NOT NULL" in ddl["run"]
    assert not any(" TEXT" in text or " BLOB" in text for text in ddl.values())
