"""`print`, into the log of the run: line by line."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any, Final

_MOST_HELD: Final = 100_000
"""Characters of a line that has not ended yet."""


class Printer:
    """Collects what is printed until a line is full."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log, self._held = log, ""

    def write(
        self, *things: Any, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: Any = False
    ) -> None:
        """Stands for `print`. What names a `file` of its own is written there."""
        if file is not None:
            print(*things, sep=sep, end=end, file=file)
            return
        text = StringIO()
        print(*things, sep=sep, end=end, file=text)
        *lines, self._held = (self._held + text.getvalue()).split("\n")
        for line in lines:
            self._log(line)
        if len(self._held) > _MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Write down the line that has begun."""
        if self._held:
            self._log(self._held)
        self._held = ""
