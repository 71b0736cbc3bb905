"""The audit log as a file: lines of JSON, or CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Final

import orjson

from api.audit.schemas import AuditOut, audit_out
from storage.tables import AuditEvent

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula."""
_COLUMNS: Final = tuple(AuditOut.model_fields)


async def json_lines(pages: AsyncIterator[list[AuditEvent]]) -> AsyncIterator[bytes]:
    """An object on each line."""
    async for page in pages:
        yield b"".join(orjson.dumps(audit_out(one).model_dump()) + b"\n" for one in page)


async def csv_text(pages: AsyncIterator[list[AuditEvent]]) -> AsyncIterator[bytes]:
    """A line each, below the names of the fields; what was before and after as JSON."""
    # Without this mark Excel takes UTF-8 for the code page of its country.
    yield b"\xef\xbb\xbf" + _lines([[*_COLUMNS]])
    async for page in pages:
        yield _lines([_row(audit_out(one)) for one in page])


def _row(one: AuditOut) -> list[str]:
    said = one.model_dump()
    for name in ("before", "after"):
        said[name] = "" if said[name] is None else orjson.dumps(said[name]).decode()
    return [_cell("" if said[name] is None else str(said[name])) for name in _COLUMNS]


def _cell(text: str) -> str:
    # A text that looks marked is marked once more, so that the mark can be taken away again.
    return f"'{text}" if text.lstrip("'").startswith(_FORMULAS) else text


def _lines(rows: list[list[str]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    # A name may hold half of a pair of surrogates, which UTF-8 does not have.
    return written.getvalue().encode("utf-8", "replace")
