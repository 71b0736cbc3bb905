"""The rules of definitions: what tables and fields may be called, and how a changed definition follows the old one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, get_args

from engine.errors import InvalidInput
from storage.ports.tables import SYSTEM_COLUMNS, Access, FieldType, TableField, TableSettings
from storage.user_tables.limits import LONGEST_DESCRIPTION, LONGEST_NAME, MOST_FIELDS

ALIASES: Final = {
    "bstudio_id": "id",
    "bstudio_connector_uid": "uuid",
    "bstudio_connector_id": "sys_platform",
}
"""Other names of columns that every row has, which SQL from elsewhere may use."""
_RESERVED: Final = frozenset({*SYSTEM_COLUMNS, *ALIASES, "rowid", "oid", "_rowid_", "true", "false", "null", "default"})
_NAME: Final = re.compile(r"[^\W\d_]\w*")


def checked(settings: TableSettings) -> TableSettings:
    """The settings with names as they are kept. Raises `InvalidInput`."""
    if settings.access not in get_args(Access):
        raise InvalidInput(f"There is no access mode {settings.access}.", field="access")
    if not 1 <= len(settings.fields) <= MOST_FIELDS:
        raise InvalidInput(f"A table has 1 to {MOST_FIELDS} fields.", field="fields", limit=MOST_FIELDS)
    fields: list[TableField] = []
    seen: set[str] = set()
    for place, one in enumerate(settings.fields):
        name = checked_name(one.name, f"fields.{place}.name")
        if folded(name) in _RESERVED:
            raise InvalidInput(
                f"Every row has {name} already, or the word means something else: take another name.",
                field=f"fields.{place}.name",
            )
        if folded(name) in seen:
            raise InvalidInput(f"There are two fields called {name}.", field=f"fields.{place}.name")
        seen.add(folded(name))
        if one.type not in get_args(FieldType):
            raise InvalidInput(f"There is no type {one.type} of fields.", field=f"fields.{place}.type")
        fields.append(replace(one, name=name, description=_description(one.description, f"fields.{place}.description")))
    return replace(
        settings,
        name=checked_name(settings.name, "name"),
        description=_description(settings.description, "description"),
        fields=tuple(fields),
    )


def checked_name(name: str, field: str) -> str:
    """The name of a table or a field. Raises `InvalidInput`."""
    name = unicodedata.normalize("NFC", name.strip())
    if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"A name begins with a letter and has up to {LONGEST_NAME} letters, digits and underscores.", field=field
        )
    return name


def fitting_name(text: str) -> str:
    """The name that a heading of a file stands for; empty when it has no letter."""
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFC", text.strip())).strip("_")
    return name[:LONGEST_NAME] if _NAME.match(name) else f"f_{name}"[:LONGEST_NAME] if name else ""


def folded(name: str) -> str:
    """The name as names are compared: their case does not count."""
    return unicodedata.normalize("NFC", name).casefold()


def numbered(fields: Sequence[TableField], known: Iterable[TableField], first: int) -> tuple[TableField, ...]:
    """The fields with their numbers: those that are known keep theirs, new ones are counted from `first`.

    Raises `InvalidInput` for a number that no field has.
    """
    by_number = {one.number: one for one in known}
    by_name = {folded(one.name): one.number for one in by_number.values()}
    named = {one.number for one in fields if one.number}
    made: list[TableField] = []
    taken: set[int] = set()
    for place, one in enumerate(fields):
        if one.number and one.number not in by_number:
            raise InvalidInput(f"The table has no field with the number {one.number}.", field=f"fields.{place}.number")
        number = one.number
        if not number:
            # By its name, unless somebody else says to be that field.
            same = by_name.get(folded(one.name), 0)
            number = same if same not in named else 0
        if not number:
            number, first = first, first + 1
        if number in taken:
            raise InvalidInput(f"Two fields have the number {number}.", field=f"fields.{place}.number")
        taken.add(number)
        made.append(replace(one, number=number))
    return tuple(made)


def _description(text: str, field: str) -> str:
    if len(text) > LONGEST_DESCRIPTION:
        raise InvalidInput(f"A description has at most {LONGEST_DESCRIPTION} characters.", field=field)
    return text
