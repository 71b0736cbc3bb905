"""The cells of one sheet, heard as its XML is read: openpyxl's own way takes more than twice as long."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from xml.parsers import expat

from workers.coderunner.documents.extract import Cell, damaged, refused

LAST_ROW: Final = 1_048_576
LAST_COLUMN: Final = 16_384

_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,9})")


@dataclass(frozen=True)
class Meanings:
    """What the workbook says of its cells."""

    texts: Sequence[str]
    """Those that cells name by their number."""
    dates: Container[int]
    """Styles in which a number is a date."""
    spans: Container[int]
    """Styles in which a number is a length of time."""
    moment: Callable[[float, bool], Any]
    """The date, or the length of time, of a number."""


def read_cells(pieces: Iterable[bytes], meanings: Meanings, row: Callable[[int, list[Cell]], None]) -> None:
    """Call `row` with the number and the cells of each row that has any.

    What the sheet says of its own size is not heard. Raises `TaskFailed`.
    """
    heard = _Sheet(meanings, row)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = heard.start
    parser.EndElementHandler = heard.end
    parser.CharacterDataHandler = heard.text
    parser.StartDoctypeDeclHandler = _doctype
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise damaged(f"the XML of a sheet cannot be read ({error})") from None


def _doctype(*_: object) -> None:
    raise refused("The file is refused: its XML has a DOCTYPE, which no office document needs.")


class _Sheet:
    """Where we are in a sheet."""

    def __init__(self, meanings: Meanings, row: Callable[[int, list[Cell]], None]) -> None:
        self._meanings = meanings
        self._row = row
        self._local: dict[str, str] = {}
        self._number = 0
        self._column = 0
        self._cells: dict[int, Cell] = {}
        self._kind = "n"
        self._style = 0
        self._pieces: list[str] | None = None
        """The text of the value that is being heard."""
        self._value: str | None = None
        self._passed_over = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = self._name(tag)
        if name == "c":
            self._begin_cell(attributes)
        elif name in ("v", "t"):
            self._pieces = []
        elif name == "row":
            self._cells = {}
            self._column = 0
            self._number = int(attributes.get("r", self._number + 1))
            if not 0 < self._number <= LAST_ROW:
                raise refused(f"The file is refused: it speaks of row {self._number:,}; the last is {LAST_ROW:,}.")
        elif name == "rPh":  # how the text beside it is pronounced
            self._passed_over += 1

    def text(self, data: str) -> None:
        if self._pieces is not None:
            self._pieces.append(data)

    def end(self, tag: str) -> None:
        name = self._name(tag)
        if name in ("v", "t"):
            if self._pieces is not None and not self._passed_over:
                # A text within a cell may come in several runs.
                self._value = (self._value or "") + "".join(self._pieces)
            self._pieces = None
        elif name == "c":
            if self._value is not None and (cell := self._meaning(self._value)) not in (None, ""):
                self._cells[self._column] = cell
        elif name == "row":
            if self._cells:
                row = [self._cells.get(column) for column in range(1, max(self._cells) + 1)]
                self._row(self._number, row)
        elif name == "rPh":
            self._passed_over -= 1

    def _name(self, tag: str) -> str:
        if (name := self._local.get(tag)) is None:
            name = self._local[tag] = tag.rpartition(" ")[2]
        return name

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        if place is None:
            self._column += 1
        elif (found := _PLACE.fullmatch(place)) is None:
            raise damaged(f"there is no cell {place[:20]}")
        else:
            self._column = _column(found[1])
        if self._column > LAST_COLUMN:
            raise refused(f"The file is refused: it speaks of column {self._column:,}; the last is {LAST_COLUMN:,}.")
        self._kind = attributes.get("t", "n")
        self._style = int(attributes.get("s", 0))
        self._value = None

    def _meaning(self, value: str) -> Cell:
        match self._kind:
            case "n":
                return self._of_number(value)
            case "s":
                number = int(value)
                if not 0 <= number < len(self._meanings.texts):
                    raise damaged(f"there is no text {number}")
                return self._meanings.texts[number]
            case "b":
                return value.strip() in ("1", "true")
            case _:  # a text, an error such as #N/A, a date as it is written
                return value

    def _of_number(self, value: str) -> Cell:
        number: int | float
        try:
            number = int(value)
        except ValueError:
            try:
                number = float(value)
            except ValueError:
                return value
        is_span = self._style in self._meanings.spans
        if is_span or self._style in self._meanings.dates:
            try:
                return _written(self._meanings.moment(number, is_span))
            except (OverflowError, ValueError):
                return number  # no day of any calendar
        return number


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _written(moment: Any) -> Cell:
    match moment:
        case datetime() if moment.time() == time():
            return moment.date().isoformat()  # every date comes with a time, most with none of their own
        case datetime():
            return moment.isoformat(sep=" ")
        case date() | time():
            return moment.isoformat()
        case timedelta():
            return str(moment)
        case _:
            return None
