"""A terminal with a command in it: what it shows is read, and a person's typing is written."""

from __future__ import annotations

import codecs
import os
import pty
import select
import signal
import subprocess
import time
from types import TracebackType
from typing import Self

from tests.architecture.source import ROOT
from tests.cli.command import PATIENCE, environment


def _as_from_a_keyboard() -> None:
    # The terminal becomes the command's own, so that Ctrl-C reaches it; and who starts tests in the background has
    # them ignore it.
    os.close(os.open(os.ttyname(0), os.O_RDWR))
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command that believes in a person."""

    def __init__(self, words: list[str]) -> None:
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._read = 0
        self._ours, theirs = pty.openpty()
        try:
            self._process = subprocess.Popen(
                words,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                cwd=ROOT,
                env=environment(TERM="xterm", COLUMNS="100", LINES="40"),
                start_new_session=True,
                preexec_fn=_as_from_a_keyboard,
            )
        finally:
            os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def type(self, text: str) -> None:
        """Type it."""
        os.write(self._ours, text.encode())

    def read_until(self, text: str) -> None:
        """Read on until it shows this, behind what was waited for before."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.shown.find(text, self._read)) < 0:
            if not self._more(deadline):
                raise AssertionError(f"{text!r} is not shown, but: {self.shown[self._read :]}")
        self._read = found + len(text)

    def wait(self) -> int:
        """Read on until the command has ended; its exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline):
            pass
        return self._process.wait(PATIENCE)

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            piece = os.read(self._ours, 65_536)
        except OSError:
            # How Linux says that nobody is on the other side any more.
            return False
        self.shown += self._decoder.decode(piece)
        return bool(piece)
