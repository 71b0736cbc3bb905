"""Waiting for the pieces of an answer, for as long as a connection allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from nodes.chat import ModelUnavailable
from workers.models.provider import ModelConnection

T = TypeVar("T")


class Patience:
    """Waits for the pieces of one answer. What the reader does between two of them does not count."""

    def __init__(self, connection: ModelConnection) -> None:
        self._first = connection.first_token_seconds
        self._gap = connection.gap_seconds
        self._model = connection.vendor_model

    async def wait(self, coming: Awaitable[T], *, begun: bool) -> T:
        """What comes, unless it takes too long: all waiting until the answer begins, then each wait by itself."""
        clock = asyncio.get_running_loop().time
        since = clock()
        try:
            async with asyncio.timeout(self._gap if begun else max(0.0, self._first)):
                return await coming
        except TimeoutError as error:
            what = "go on with its answer" if begun else "begin to answer"
            raise ModelUnavailable(
                f"The model {self._model} did not {what} in time.", reason="timeout", model=self._model
            ) from error
        finally:
            if not begun:
                self._first -= clock() - since
