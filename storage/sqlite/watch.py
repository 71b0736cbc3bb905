"""Waking those who follow a run: at once within this process, by a look at the file for what other processes write."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from engine.events import EventType, StoredEvent
from storage.errors import StorageUnavailable
from storage.sqlite.connections import connect_raw

_LOOK_SECONDS: Final = 0.02

_NEWEST: Final = """
    SELECT value, (SELECT MAX(seq) FROM run_event WHERE run_id = value) FROM json_each(?)
"""


class Listener:
    """Somebody who waits for events of a run behind `seen`; with `kinds`, only for those."""

    def __init__(self, watch: Watch, kinds: frozenset[EventType] | None = None) -> None:
        self.seen = 0
        self._kinds = kinds
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    async def wait(self) -> None:
        """Until there may be something new since the last `attend`. Raises `StorageUnavailable` at the end."""
        if not self._watch.is_closed():
            await self._news.wait()
        if self._watch.is_closed():
            raise StorageUnavailable("The store is being closed.")

    def attend(self) -> None:
        """Say that one looks now: what comes from here on will be told."""
        self._news.clear()

    def tell(self, stored: Sequence[StoredEvent]) -> None:
        """Say what is new; from any thread. What follows on what was seen and is none of one's business is seen now."""
        if self._kinds is not None and not any(entry.event.type in self._kinds for entry in stored):
            if stored[0].seq == self.seen + 1:
                self.seen = stored[-1].seq
            return
        self.wake()

    def wake(self) -> None:
        """Say that there may be something new; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:
            # Its loop is closed: it waits no more.
            return


class Watch:
    """Knows who follows which run. Its thread looks at the file only while somebody follows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._listeners: defaultdict[int, list[Listener]] = defaultdict(list)
        self._unseen = False
        self._followed = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def listen(self, run_id: int, kinds: frozenset[EventType] | None = None) -> Iterator[Listener]:
        """Be told about a run's events from now on, or about those of some kinds."""
        listener = Listener(self, kinds)
        with self._lock:
            self._listeners[run_id].append(listener)
            # Another process may have written since the thread last looked, before it was asked to look for this run.
            self._unseen = True
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="storage-watch", daemon=True)
                self._thread.start()
            self._followed.set()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners[run_id].remove(listener)
                if not self._listeners[run_id]:
                    del self._listeners[run_id]
                if not self._listeners:
                    self._followed.clear()

    def tell(self, run_id: int, stored: Sequence[StoredEvent]) -> None:
        """Tell that this process has written events of a run; from any thread."""
        with self._lock:
            listeners = [*self._listeners.get(run_id, ())]
        for listener in listeners:
            listener.tell(stored)

    def is_closed(self) -> bool:
        """Whether there is nothing more to hear."""
        return self._closed.is_set()

    def close(self) -> None:
        """Stop looking, and let go of those who follow."""
        self._closed.set()
        self._followed.set()
        with self._lock:
            listeners = [listener for those in self._listeners.values() for listener in those]
        for listener in listeners:
            listener.wake()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        with closing(connect_raw(self._file)) as connection:
            known = -1
            while True:
                self._followed.wait()
                if self._closed.wait(_LOOK_SECONDS):
                    return
                # Changes whenever another connection, of whatever process, has committed.
                (version,) = connection.execute("PRAGMA data_version").fetchone()
                with self._lock:
                    unseen, self._unseen = self._unseen, False
                    runs = [*self._listeners]
                if version != known or unseen:
                    known = version
                    for run_id, newest in connection.execute(_NEWEST, (json.dumps(runs),)).fetchall():
                        self._wake_behind(run_id, newest or 0)

    def _wake_behind(self, run_id: int, newest: int) -> None:
        with self._lock:
            listeners = [listener for listener in self._listeners.get(run_id, ()) if listener.seen < newest]
        for listener in listeners:
            listener.wake()
