"""The answers a workflow waits for: which questions are open, what was answered, and what may not be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from engine.answers import check_answer
from engine.runtime import OpenWait
from engine.values import Json

UNKNOWN_WAIT: Final = "unknown_wait"
ALREADY_ANSWERED: Final = "already_answered"
BAD_ANSWER: Final = "bad_answer"

_REMEMBERED: Final = 1_000


class Answers:
    """Open waits of one workflow, with the answers that people give.

    An answer may be given while its wait is being parked for the next history: it is kept in `given` and taken there.
    """

    def __init__(self, answered: Mapping[str, str], given: Mapping[str, Json]) -> None:
        self.answered = dict(answered)
        """The latest thousand wait ids, with the id of the answer each got: who sends it again is told the same."""
        self.given = dict(given)
        self._open: dict[str, OpenWait] = {}
        self._waiters: dict[str, asyncio.Future[None]] = {}

    @property
    def open_titles(self) -> list[str]:
        """The titles of the nodes that wait, the first asked first."""
        return [wait.title for wait in self._open.values()]

    def open(self, wait: OpenWait) -> None:
        """From now on the answer may come."""
        self._waiters[wait.wait_id] = asyncio.get_running_loop().create_future()
        if wait.wait_id in self.given:
            self._waiters[wait.wait_id].set_result(None)
        else:
            self._open[wait.wait_id] = wait

    async def take(self, wait: OpenWait) -> Json:
        """Wait for the answer."""
        await self._waiters[wait.wait_id]
        return self.given.pop(wait.wait_id)

    def close(self, wait: OpenWait) -> None:
        """Nobody waits any more."""
        self._open.pop(wait.wait_id, None)
        self._waiters.pop(wait.wait_id, None)

    def check(self, wait_id: str, answer: Json, answer_id: str) -> None:
        """Refuse an answer that nobody waits for, or that does not fit. Nothing of it enters the history then."""
        if (wait := self._open.get(wait_id)) is None:
            if wait_id not in self.answered:
                raise _refusal(UNKNOWN_WAIT, "Nobody is waiting for this answer.", wait_id)
            if self.answered[wait_id] != answer_id:
                raise _refusal(ALREADY_ANSWERED, "This has been answered already.", wait_id)
        elif (finding := check_answer(wait, answer)) is not None:
            raise _refusal(BAD_ANSWER, finding, wait_id)

    def give(self, wait_id: str, answer: Json, answer_id: str) -> None:
        """Hand an answer that was checked to who waits for it; the same one again changes nothing."""
        if self._open.pop(wait_id, None) is None:
            return
        self.given[wait_id] = answer
        self.answered[wait_id] = answer_id
        while len(self.answered) > _REMEMBERED:
            del self.answered[next(iter(self.answered))]
        self._waiters[wait_id].set_result(None)


def _refusal(code: str, sentence: str, wait_id: str) -> ApplicationError:
    return ApplicationError(
        sentence, {"wait_id": wait_id}, type=code, non_retryable=True, category=ApplicationErrorCategory.BENIGN
    )
