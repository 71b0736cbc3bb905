"""HTML: what a reader sees of a page, and its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag

from workers.coderunner.documents.encoding import decode
from workers.coderunner.documents.extract import Cell, Extract

_CHARSET: Final = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_HEAD_BYTES: Final = 4_096
_UNSEEN: Final = frozenset({"script", "style", "noscript", "template", "iframe", "object", "svg", "math", "head"})
_BLOCKS: Final = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "details", "dialog", "div", "dl",
        "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
        "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "title", "ul",
    }
)  # fmt: skip
_BLANKS: Final = re.compile(r"[ \t\r\n\f]+")


def read_web_page(data: bytes, extract: Extract) -> None:
    """Read a page: its title, then its body."""
    named = _CHARSET.search(data[:_HEAD_BYTES])
    soup = BeautifulSoup(decode(data, named[1].decode() if named else ""), "lxml")
    if soup.title is not None and (title := _words(soup.title.get_text())):
        extract.write(f"{title}\n\n")
    _Page(extract).read(soup)


class _Page:
    """Walks through a page without calling itself: pages may be nested as deeply as they like."""

    def __init__(self, extract: Extract) -> None:
        self._extract = extract
        self._line: list[str] = []

    def read(self, root: Tag) -> None:
        # Each entry is an element still to come, or the name of a block that ends.
        waiting: list[PageElement | str] = [*reversed(root.contents)]
        while waiting:
            match waiting.pop():
                case Tag() as tag if tag.name == "table":
                    self._break()
                    self._table(tag)
                case Tag() as tag if tag.name == "pre":
                    self._break()
                    self._extract.write(tag.get_text().strip("\n") + "\n")
                case Tag() as tag if tag.name not in _UNSEEN:
                    if tag.name in _BLOCKS:
                        self._break()
                        waiting.append(tag.name)
                    waiting.extend(reversed(tag.contents))
                case str() as text if type(text) is NavigableString:
                    self._line.append(text)
                case str() as name if type(name) is str:
                    self._break()
                case _:
                    continue
        self._break()

    def _break(self) -> None:
        if line := _words("".join(self._line)):
            self._extract.write(f"{line}\n")
        self._line.clear()

    def _table(self, table: Tag) -> None:
        """The table, and after it those in its cells."""
        for number, one in enumerate([table, *table.find_all("table")]):
            self._extract.begin_table()
            for row in _own(one, "tr"):
                cells: list[Cell] = [_words(cell.get_text(" ")) for cell in row.find_all(["td", "th"], recursive=False)]
                self._extract.row(cells, told=number == 0)
        self._extract.write("\n")


def _words(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()


def _own(table: Tag, name: str) -> Iterator[Tag]:
    """The rows of a table that are not those of a table within it."""
    for row in table.find_all(name):
        if row.find_parent("table") is table:
            yield row
