"""One small number, read at once on the thread that asks: where every request asks, a hop to a thread and back would
cost ten times as much as the reading.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Final

from storage.errors import StorageUnavailable
from storage.sqlite.connections import connect_raw

_BUSY_SECONDS: Final = 0.05
"""A reader waits for nobody in WAL mode, but while a log is put in order after a crash: then somebody else may wait."""


class Glimpse:
    """Reads the first value of the first row of one statement, 0 when there is none."""

    def __init__(self, file: Path, statement: str) -> None:
        self._statement = statement
        self._connection: sqlite3.Connection | None = connect_raw(file, _BUSY_SECONDS)
        # Two event loops may share the stores, as in tests.
        self._lock = threading.Lock()

    def __call__(self) -> int | None:
        """The number; None when the file cannot be read just now. Raises `StorageUnavailable` when closed."""
        with self._lock:
            if self._connection is None:
                raise StorageUnavailable("The store has been closed.")
            try:
                row = self._connection.execute(self._statement).fetchone()
            except sqlite3.OperationalError:
                return None
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
