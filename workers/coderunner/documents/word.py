"""Word: paragraphs and tables in their order, then the notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from lxml.etree import XMLParser, XMLSyntaxError

from workers.coderunner.documents.extract import Cell, Extract, damaged, refused
from workers.coderunner.documents.package import open_package

_TYPE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml."
_MAIN: Final = f"{_TYPE}document.main+xml"
_NOTES: Final = (f"{_TYPE}footnotes+xml", f"{_TYPE}endnotes+xml")

# What stands there a second time for old readers, was moved away, or says how something looks.
_PASSED_OVER: Final = frozenset({"Fallback", "moveFrom", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sectPr", "del"})
_MARKS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read_word(data: bytes, extract: Extract) -> None:
    """Read the body and the notes."""
    package = open_package(data)
    main = package.parts.get(_MAIN)
    if not main:
        raise refused("The name says .docx, but it is no Word document.")
    for name in (main[0], *(note for kind in _NOTES for note in package.parts.get(kind, []))):
        _read(package.read(name), extract)


def _read(pieces: Iterable[bytes], extract: Extract) -> None:
    body = _Body(extract)
    parser = XMLParser(target=body, resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        for piece in pieces:
            parser.feed(piece)
        parser.close()
    except XMLSyntaxError as error:
        raise damaged(f"its XML cannot be read ({error.msg})") from None


class _Body:
    """Hears the XML as it is read, and keeps no tree of it."""

    def __init__(self, extract: Extract) -> None:
        self._extract = extract
        self._passed_over = 0
        self._in_text = False
        self._texts: list[list[str]] = [[]]
        """What was heard and not yet handed on: of the body, and of each open cell within each other."""
        self._tables: list[list[list[str]]] = []
        """The open tables, each within the one before."""
        self._within: list[list[list[str]]] = []
        """Tables that stood in cells of the outermost one."""

    def start(self, tag: str, attributes: Any) -> None:
        name = _local(tag)
        if self._passed_over or name in _PASSED_OVER:
            self._passed_over += 1
            return
        match name:
            case "t":
                self._in_text = True
            case "tbl":
                self._tables.append([])
            case "tr" if self._tables:
                self._tables[-1].append([])
            case "tc":
                self._texts.append([])
            case _ if name in _MARKS:
                self._texts[-1].append(_MARKS[name])
            case _:
                return

    def end(self, tag: str) -> None:
        if self._passed_over:
            self._passed_over -= 1
            return
        match _local(tag):
            case "t":
                self._in_text = False
            case "p":
                self._texts[-1].append("\n")
                self._hand_on()
            case "tc" if len(self._texts) > 1:
                text = "".join(self._texts.pop()).strip()
                if self._tables and self._tables[-1]:
                    self._tables[-1][-1].append(text)
            case "tbl" if self._tables:
                self._end_table(self._tables.pop())
            case _:
                return

    def data(self, text: str) -> None:
        if self._in_text and not self._passed_over:
            self._texts[-1].append(text)

    def doctype(self, name: str, public: str, system: str) -> None:
        raise refused("The file is refused: its XML has a DOCTYPE, which no office document needs.")

    def close(self) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        if len(self._texts) == 1:
            self._extract.write("".join(self._texts[0]))
            self._texts[0].clear()

    def _end_table(self, rows: list[list[str]]) -> None:
        """A table within a cell is text of the cell, and after the outermost one a table as well."""
        if len(self._texts) > 1:
            self._within.append(rows)
            self._texts[-1] += [" ".join(row) + "\n" for row in rows]
            return
        self._hand_on()
        for number, table in enumerate([rows, *self._within]):
            self._extract.begin_table()
            for row in table:
                cells: list[Cell] = [*row]
                self._extract.row(cells, told=number == 0)
        self._extract.write("\n")
        self._within.clear()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
