"""The rules around databases: rows are looked after by members, whoever they belong to, and files come in whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from api.access import Member
from api.databases.files import Sheet, csv_lines, read_sheet
from api.databases.schemas import DatabaseChange, DatabaseIn, SheetIn, Values
from engine.errors import InvalidInput, LimitExceeded, NotFound
from engine.values import Json
from storage.paging import cursor_id
from storage.ports.tables import (
    ROW_ID,
    ROW_USER,
    SYSTEM_COLUMNS,
    Condition,
    Filter,
    Found,
    Operator,
    Order,
    Query,
    TableField,
    TableSettings,
    TableUse,
    UserTable,
    UserTables,
)

_AT_ONCE: Final = 1_000


class DatabaseService:
    """Works on the tables of a member's space."""

    def __init__(self, tables: UserTables, *, longest_text: int) -> None:
        self._tables = tables
        self._longest = longest_text

    async def create(self, body: DatabaseIn, member: Member) -> UserTable:
        """A new database."""
        fields = tuple(TableField(**one.model_dump()) for one in body.fields)
        settings = TableSettings(body.name, fields, body.description, body.access)
        return await self._tables.create(str(member.org_id), str(member.space_id), settings)

    async def get(self, ref: str, member: Member) -> UserTable:
        """A database by its id or its name."""
        return await self._tables.get(str(member.org_id), str(member.space_id), ref)

    async def change(self, ref: str, body: DatabaseChange, member: Member) -> UserTable:
        """Change what is named in the body."""
        table = await self.get(ref, member)
        settings = TableSettings(table.name, table.fields, table.description, table.access)
        if body.fields is not None:
            settings = replace(settings, fields=tuple(TableField(**one.model_dump()) for one in body.fields))
        given = body.model_dump(include={"name", "description", "access"}, exclude_none=True)
        settings = replace(settings, **given)
        place = (str(member.org_id), str(member.space_id), table.id)
        return await self._tables.alter(*place, settings, revision=body.revision)

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def add(self, ref: str, rows: list[Values], member: Member, *, draft: bool, user: str) -> Found:
        """Add rows, all or none."""
        return await self._tables.insert(self._use(ref, member, draft=draft, user=user), rows)

    async def row_page(
        self, ref: str, member: Member, *, draft: bool, user: str | None, cursor: str | None, limit: int
    ) -> tuple[list[Values], str | None]:
        """Some rows, the newest first."""
        where: list[Condition] = []
        if user is not None:
            where.append(Condition(ROW_USER, Operator.EQUAL, user))
        if (before := cursor_id(cursor)) is not None:
            where.append(Condition(ROW_ID, Operator.LESS_THAN, str(before)))
        query = Query(Filter(tuple(where)), order=(Order(ROW_ID, ascending=False),), limit=limit + 1)
        rows, cut = await self._as_many(self._use(ref, member, draft=draft), query)
        more, rows = cut or len(rows) > limit, rows[:limit]
        return rows, str(rows[-1][ROW_ID]) if more else None

    async def change_row(self, ref: str, row: str, values: Values, member: Member, *, draft: bool) -> Values:
        """Change a row; gives it as it is then."""
        use, where = self._use(ref, member, draft=draft), _the_row(row)
        if (await self._tables.update(use, values, where)).count == 0:
            raise NotFound("There is no such row.", row=row[:30])
        found = await self._tables.query(use, Query(where, limit=1))
        if not found.rows:
            raise NotFound("There is no such row.", row=row[:30])
        return found.rows[0]

    async def remove_row(self, ref: str, row: str, member: Member, *, draft: bool) -> None:
        """Take a row away."""
        if (await self._tables.remove(self._use(ref, member, draft=draft), _the_row(row))).count == 0:
            raise NotFound("There is no such row.", row=row[:30])

    async def bring_in(self, ref: str, body: SheetIn, member: Member) -> Sheet:
        """Add the rows of a file. Raises `InvalidInput` with all that is wrong, and adds nothing then."""
        table = await self.get(ref, member)
        sheet = read_sheet(table, body.format, body.text, longest=self._longest)
        if sheet.bad and not body.skip_bad_rows:
            first = sheet.errors[0]
            raise InvalidInput(
                f"{sheet.bad} rows do not fit, so that none was added. Row {first['row']}: {first['message']}",
                errors=[{**one, "field": f"rows.{one['row']}.{one['field']}"} for one in sheet.errors],
                rows=sheet.bad,
            )
        use = self._use(table.id, member, draft=body.draft, user=body.user)
        for begin in range(0, len(sheet.rows), _AT_ONCE):
            # A part of its own for each thousand: an import that broke off is done again under its key.
            key = f"import/{table.id}/{body.draft}/{body.key}/{begin}" if body.key else ""
            await self._tables.insert(use, sheet.rows[begin : begin + _AT_ONCE], key=key)
        return sheet

    async def take_out(self, table: UserTable, member: Member, *, draft: bool) -> AsyncGenerator[str]:
        """All rows as CSV, the oldest first, a piece at a time."""
        use, after = self._use(table.id, member, draft=draft), "0"
        names = [one.name for one in table.fields] + [*SYSTEM_COLUMNS]
        yield csv_lines(table, [], headings=True)
        while True:
            where = Filter((Condition(ROW_ID, Operator.GREATER_THAN, after),))
            rows, _ = await self._as_many(use, Query(where, order=(Order(ROW_ID),), limit=_AT_ONCE))
            if not rows:
                return
            yield csv_lines(table, [[row.get(name) for name in names] for row in rows], headings=False)
            after = str(rows[-1][ROW_ID])

    # --- within -------------------------------------------------------------------------------------------------------

    async def _as_many(self, use: TableUse, query: Query) -> tuple[list[dict[str, Json]], bool]:
        """The rows, and whether they are fewer, because all together are too large to be read at once."""
        asked = query.limit
        while True:
            try:
                return (await self._tables.query(use, query)).rows, query.limit < asked
            except LimitExceeded as error:
                if query.limit == 1 or error.facts.get("setting") != "MAINSPRING_TABLE_RESULT_BYTES":
                    raise
                query = replace(query, limit=max(1, query.limit // 4))

    def _use(self, ref: str, member: Member, *, draft: bool, user: str = "") -> TableUse:
        place = (str(member.org_id), str(member.space_id), ref)
        return TableUse(*place, draft=draft, user=user, channel="api", manage=True)


def _the_row(row: str) -> Filter:
    if not (row.isascii() and row.isdecimal()) or len(row) > 19:
        raise NotFound("There is no such row.", row=row[:30])
    return Filter((Condition(ROW_ID, Operator.EQUAL, row),))
