"""An index of texts in an SQLite file of its own, by FTS5 over terms that we make ourselves.

A file of its own, because putting a long document in takes its time: in the application's file, which has one writer,
every event of every run would wait for it. Nothing is lost with it: it is made again of the chunks. Each base has a
table of its own, so that no base slows another one down or shifts its scores.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from storage.knowledge.terms import index_terms, is_pair, query_terms
from storage.ports.fulltext import Hit
from storage.sqlite.reader import Reader
from storage.sqlite.writer import Writer

_MOST_TERMS: Final = 64
"""Of a query: the first ones say what it is about."""
_CANDIDATES: Final = 100
"""Chunks that are looked at closely, at the least."""
_K1: Final = 1.2
_B: Final = 0.75
_HALF: Final = 0.25
"""The share of what a query asks for that a score of one half stands for."""
_ARTEFACT: Final = 0.25
"""What a pair of characters that no chunk holds counts of a word that none holds: most stand across two words."""

# The terms are lower-case words already; ASCII is all that this tokenizer looks at, so it cuts at our blanks alone.
_TOKENIZER: Final = "ascii tokenchars '_'"


class SqliteFullText:
    """Implements `storage.ports.fulltext.FullText`. The file is made when it is needed first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._opening = threading.Lock()
        self._writer: Writer | None = None
        self._reader: Reader | None = None

    async def put(self, base_id: int, document_id: int, chunks: Sequence[str]) -> None:
        """See the port."""
        terms = await asyncio.to_thread(lambda: [index_terms(chunk) for chunk in chunks])

        def job(connection: Connection) -> None:
            _make(connection, base_id)
            _forget(connection, base_id, document_id)
            [(last,)] = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM entry").all()
            ids = count(last + 1)
            entries = [(next(ids), base_id, document_id, number, len(found)) for number, found in enumerate(terms)]
            # Two blanks between them: a term with one on either side is then counted by looking for a text.
            texts = [(entry[0], f" {'  '.join(found)} ") for entry, found in zip(entries, terms, strict=True)]
            if entries:
                connection.exec_driver_sql("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", entries)
                connection.exec_driver_sql(f"INSERT INTO base_{base_id} (rowid, terms) VALUES (?, ?)", texts)  # noqa: S608

        await self._open()[0].run(job)

    async def remove(self, base_id: int, document_id: int) -> None:
        """See the port."""
        await self._open()[0].run(
            lambda connection: _forget(connection, base_id, document_id) if _is_there(connection, base_id) else None
        )

    async def drop(self, base_id: int) -> None:
        """See the port."""

        def job(connection: Connection) -> None:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS seen_{base_id}")
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS base_{base_id}")
            connection.exec_driver_sql("DELETE FROM entry WHERE base_id = ?", (base_id,))

        await self._open()[0].run(job)

    async def holds(self, base_id: int) -> bool:
        """See the port."""
        return await self._open()[1].run(lambda connection: _is_there(connection, base_id))

    async def search(self, bases: Sequence[int], query: str, *, limit: int) -> list[Hit]:
        """See the port."""
        terms = query_terms(query, most=_MOST_TERMS)
        if not terms:
            return []

        def look(connection: Connection) -> list[Hit]:
            found: list[Hit] = []
            for base_id in dict.fromkeys(bases):
                if _is_there(connection, base_id):
                    found += _search(connection, base_id, terms, max(_CANDIDATES, 2 * limit))
            found.sort(key=lambda hit: (-hit.score, hit.base_id, hit.document_id, hit.number))
            return found[:limit]

        return await self._open()[1].run(look)

    def close(self) -> None:
        """Let go of the file."""
        with self._opening:
            if self._writer is not None:
                self._writer.close()
            if self._reader is not None:
                self._reader.close()

    def _open(self) -> tuple[Writer, Reader]:
        with self._opening:
            if self._writer is None:
                self._writer = Writer(self._file)
                self._writer.submit(_prepare).result()
            if self._reader is None:
                self._reader = Reader(self._file, threads=2)
            return self._writer, self._reader


def _prepare(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, base_id INTEGER NOT NULL,"
        " document_id INTEGER NOT NULL, number INTEGER NOT NULL, length INTEGER NOT NULL)"
    )
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_entry ON entry (base_id, document_id, length)")


def _make(connection: Connection, base_id: int) -> None:
    # The ids are numbers of ours, so that they may stand in a name.
    connection.exec_driver_sql(
        f'CREATE VIRTUAL TABLE IF NOT EXISTS base_{base_id} USING fts5(terms, tokenize = "{_TOKENIZER}")'
    )
    connection.exec_driver_sql(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS seen_{base_id} USING fts5vocab(base_{base_id}, row)"
    )


def _is_there(connection: Connection, base_id: int) -> bool:
    statement = "SELECT 1 FROM sqlite_master WHERE name = ?"
    return connection.exec_driver_sql(statement, (f"seen_{base_id}",)).first() is not None


def _forget(connection: Connection, base_id: int, document_id: int) -> None:
    which = "SELECT id FROM entry WHERE base_id = ? AND document_id = ?"
    connection.exec_driver_sql(
        f"DELETE FROM base_{base_id} WHERE rowid IN ({which})",  # noqa: S608
        (base_id, document_id),
    )
    connection.exec_driver_sql("DELETE FROM entry WHERE base_id = ? AND document_id = ?", (base_id, document_id))


def _search(connection: Connection, base_id: int, terms: list[str], candidates: int) -> list[Hit]:
    """The hits in one base, scored by BM25 with a weight that stays positive: FTS5's own is nothing for a word that is
    in half of the chunks, which in a small base is every word. Then as a share of what the query asks for, bent so that
    it lies between 0 and 1.
    """
    try:
        return _scored(connection, base_id, terms, candidates)
    except OperationalError:
        if _is_there(connection, base_id):
            raise
        # Dropped this very moment.
        return []


def _scored(connection: Connection, base_id: int, terms: list[str], candidates: int) -> list[Hit]:
    total, length = connection.exec_driver_sql(
        "SELECT count(*), coalesce(avg(length), 0) FROM entry WHERE base_id = ?", (base_id,)
    ).one()
    marks = ", ".join("?" * len(terms))
    found = connection.exec_driver_sql(
        f"SELECT term, doc FROM seen_{base_id} WHERE term IN ({marks})",  # noqa: S608
        tuple(terms),
    )
    held: dict[str, int] = {row.term: row.doc for row in found}
    if not held:
        return []
    weights = {term: _weight(total, chunks) for term, chunks in held.items()}
    wanted = sum(
        weights[term] if term in weights else _weight(total, 0) * (_ARTEFACT if is_pair(term) else 1.0)
        for term in terms
    )
    # Quoted, a term is a term, whatever it spells; what is no letter, digit or underscore never gets here.
    match = " OR ".join(f'"{term}"' for term in held)
    rows = connection.exec_driver_sql(
        f"SELECT entry.document_id, entry.number, entry.length, base_{base_id}.terms FROM base_{base_id}"  # noqa: S608
        f" JOIN entry ON entry.id = base_{base_id}.rowid WHERE base_{base_id} MATCH ?"
        f" ORDER BY base_{base_id}.rank, entry.id LIMIT ?",
        (match, candidates),
    )
    return [
        Hit(base_id, row.document_id, row.number, _score(weights, row.terms, row.length / length, wanted))
        for row in rows
    ]


def _weight(total: int, chunks: int) -> float:
    return math.log(1 + (total - chunks + 0.5) / (chunks + 0.5))


def _score(weights: dict[str, float], terms: str, length: float, wanted: float) -> float:
    share = 0.0
    for term, weight in weights.items():
        if often := terms.count(f" {term} "):
            share += weight * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * length))
    share /= wanted
    return round(share / (share + _HALF), 6)
