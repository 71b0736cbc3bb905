"""Documents: text and tables out of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from workers.coderunner.documents.extract import Extract
from workers.coderunner.documents.kinds import Kind, kind_of
from workers.coderunner.documents.pdf import read_pdf
from workers.coderunner.documents.plain import read_json, read_markdown, read_rows, read_text
from workers.coderunner.documents.samples import samples
from workers.coderunner.documents.web_page import read_web_page
from workers.coderunner.documents.word import read_word
from workers.coderunner.documents.workbook import read_workbook
from workers.coderunner.engine import TaskFailed

_READERS: Final[Mapping[Kind, Callable[[bytes, Extract], None]]] = {
    "pdf": read_pdf,
    "docx": read_word,
    "xlsx": read_workbook,
    "html": read_web_page,
    "md": read_markdown,
    "csv": read_rows,
    "txt": read_text,
    "json": read_json,
}


class _Documents:
    """The engine `document`."""

    def prepare(self, modules: Sequence[str]) -> None:
        """Read a file of each kind: the readers load codecs and parts of themselves only when they are needed first."""
        for name, data in samples():
            self.run({"name": name, "data": data}, _unheard)

    def enter(self) -> None:
        """Nothing: reading asks nothing of the system."""

    def run(self, task: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
        """The text, the tables, the number of pages and the kind."""
        data: bytes = task.get("data", b"")
        kind = kind_of(task["name"], data)
        extract = Extract()
        try:
            _READERS[kind](data, extract)
        except (TaskFailed, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  (what a reader says of a broken file is as good as any other)
            message = f"The file is damaged: it cannot be read as .{kind} ({error})."
            raise TaskFailed("error", message) from None
        return extract.result(kind)


ENGINE: Final = _Documents()


def _unheard(line: str) -> None:
    """Readers print nothing."""
