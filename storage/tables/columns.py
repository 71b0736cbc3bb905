"""The kinds of columns, spelled so that SQLite, MySQL and MariaDB all keep exactly what was put in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, MetaData, String, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from storage import encoding


class Row(SQLModel):
    """A row of a table. Every constraint has a name of its own, so that a migration can speak of it."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )


# Only a column of exactly this type is SQLite's row id, which spares an index.
Id = BigInteger().with_variant(Integer(), "sqlite")
Millis = BigInteger()
"""UTC milliseconds."""

NAME_LENGTH = 200
TITLE_LENGTH = 300
KEY_LENGTH = 191
CHANNEL_LENGTH = 64
NODE_ID_LENGTH = 64
PATH_LENGTH = 700
"""InnoDB indexes 3,072 bytes at most: a run's id and 700 characters of four bytes fit."""


class Word(String):
    """A text that is compared letter by letter: elsewhere than in SQLite, `A` equals `a` unless one says so."""

    # Not cache_ok by inheritance: SQLAlchemy wants to be told for every type of our own.
    cache_ok = True


@compiles(Word, "mysql", "mariadb")
def _word(type_: Word, compiler: Any, **options: Any) -> str:
    return f"VARCHAR({type_.length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


class LongText(Text):
    """A text without a limit: elsewhere than in SQLite, `TEXT` ends after 64 KB."""

    cache_ok = True


@compiles(LongText, "mysql", "mariadb")
def _long_text(type_: LongText, compiler: Any, **options: Any) -> str:
    return "LONGTEXT CHARACTER SET utf8mb4"


class LongBytes(LargeBinary):
    """Bytes without a limit, where `BLOB` ends after 64 KB."""

    cache_ok = True


@compiles(LongBytes, "mysql", "mariadb")
def _long_bytes(type_: LongBytes, compiler: Any, **options: Any) -> str:
    return "LONGBLOB"


class JsonText(TypeDecorator[Any]):
    """JSON kept as text: MySQL's own type reorders keys and cannot be compared. Null is an empty column."""

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return encoding.dump_or_none(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return encoding.load_or_none(value)


def id_column() -> Any:
    """A part of the primary key that we make ourselves."""
    return Field(primary_key=True, sa_type=Id, sa_column_kwargs={"autoincrement": False})


def json_column() -> Any:
    """A JSON value, or nothing."""
    return Field(default=None, sa_type=JsonText, nullable=True)
