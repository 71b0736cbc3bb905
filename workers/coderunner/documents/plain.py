"""Text as it is, rows of a CSV file, JSON, and the tables of a Markdown text."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from workers.coderunner.documents.encoding import decode
from workers.coderunner.documents.extract import Cell, Extract, damaged, refused, tidy

_DELIMITERS: Final = (",", ";", "\t", "|")
_TRIED_LINES: Final = 20
_LONGEST_FIELD: Final = 1_000_000
_ROW_OF_DASHES: Final = re.compile(r"^[ \t]*\|?[ \t:|-]*-[ \t:|-]*$", re.MULTILINE)
_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")


def read_text(data: bytes, extract: Extract) -> None:
    """Read a text."""
    extract.write(decode(data))


def read_rows(data: bytes, extract: Extract) -> None:
    """Read a file of rows; whether they are divided by commas, semicolons, tabs or bars shows in the first ones."""
    text = tidy(decode(data))
    extract.write(text)
    extract.begin_table()
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        for row in csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text)):
            cells: list[Cell] = [*row]
            extract.row(cells, told=False)
    except csv.Error as error:
        raise damaged(f"its rows cannot be told apart ({error})") from None


def _delimiter(text: str) -> str:
    """The one that divides most of the first lines, and all of them into as many cells."""
    lines = text.split("\n", _TRIED_LINES)[:_TRIED_LINES]
    counts = {one: [line.count(one) for line in lines if line.strip()] for one in _DELIMITERS}
    return max(_DELIMITERS, key=lambda one: (min(counts[one], default=0) > 0, sum(counts[one])))


def read_json(data: bytes, extract: Extract) -> None:
    """Check that it is JSON; its text is handed on as it stands."""
    text = decode(data)
    try:
        json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise damaged(f"it is no JSON: {error.msg} in line {error.lineno}") from None
    except ValueError as error:
        raise damaged(f"it is no JSON: {error}") from None
    except RecursionError:
        raise refused("The file is refused: it is nested too deeply.") from None
    extract.write(text)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def read_markdown(data: bytes, extract: Extract) -> None:
    """Hand the text on as it stands: it is meant to be read so. Its tables are told besides."""
    text = decode(data)
    extract.write(text)
    if _ROW_OF_DASHES.search(text):
        _tables(_MARKDOWN.parse(tidy(text)), extract)


def _tables(tokens: list[Token], extract: Extract) -> None:
    row: list[Cell] = []
    at: Iterator[Token] = iter(tokens)
    for token in at:
        match token.type:
            case "table_open":
                extract.begin_table()
            case "tr_open":
                row = []
            case "th_open" | "td_open":
                row.append(_plain(next(at)))
            case "tr_close":
                extract.row(row, told=False)
            case _:
                continue


def _plain(cell: Token) -> str:
    """A cell without its marks."""
    return "".join(
        part.content or (" " if part.type in ("softbreak", "hardbreak") else "") for part in cell.children or ()
    )
