"""Bookkeeping: what a call used and cost, by whom and how it ended, written to the ledger exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import structlog

from conf.catalogue import Prices
from engine.errors import FlowError
from nodes.chat import CACHED, INPUT, OUTPUT, THOUGHT
from storage.ports import BEGUN, ModelCall, ModelLedger
from workers.models.entry import ModelEntry
from workers.models.source import CallSite

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_PATIENCE: Final = 2.0
"""Seconds that a node waits for a ledger that cannot be written to."""
_AGAIN: Final = (0.2, 1.0, 5.0, 15.0)
MOST_TOKENS: Final = 10**9
"""Of one call: no answer has more, whatever a server tells; sums of such calls still fit into the database."""
_MOST_COST: Final = 10**12


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens, and whether anybody told them."""

    tokens: Mapping[str, int] = field(default_factory=dict)
    estimated: bool = False


class Books:
    """Writes calls to the ledger. One for each process."""

    def __init__(self, ledger: ModelLedger) -> None:
        self._ledger = ledger
        self._writing: set[asyncio.Task[None]] = set()

    def begin(self, call: ModelCall) -> None:
        """Store that it has begun, while it goes on: should this process die, it is counted all the same."""
        _ = self._store(call)

    async def record(self, call: ModelCall) -> None:
        """Store it; returns when it is stored, or later than that when the store is in trouble.

        The caller being cancelled takes nothing back. A model's answer is never lost because it could not be counted:
        what cannot be stored for long is told in the log.
        """
        await asyncio.wait({self._store(call)}, timeout=_PATIENCE)

    async def aclose(self) -> None:
        """Write what is under way."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=_PATIENCE)

    def _store(self, call: ModelCall) -> asyncio.Task[None]:
        task = asyncio.create_task(self._write(call))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _write(self, call: ModelCall) -> None:
        for pause in (*_AGAIN, None):
            try:
                return await self._ledger.record([call])
            except FlowError as error:
                if pause is None or not error.retryable:
                    _log.error("model call not counted", model=call.model, run_id=call.run_id, reason=error.message)
                    return
                await asyncio.sleep(pause)


class Account:
    """The calls that one place in a run makes of one model."""

    def __init__(self, books: Books, site: CallSite, entry: ModelEntry, number: Callable[[], int]) -> None:
        """`number` counts the calls of the place, whichever models they ask."""
        self._books = books
        self._site = site
        self._entry = entry
        self._number = number

    def call(self, used: Callable[[str], Used]) -> Call:
        """A call that begins now. `used` says at its end, given the outcome, what it used."""
        return Call(self, used)

    def begin(self, used: Used, started: int) -> int:
        """Write down that a call begins; gives its number."""
        number = self._number()
        self._books.begin(self._made(number, BEGUN, used, started, 0))
        return number

    async def record(self, number: int, outcome: str, used: Used, started: int, milliseconds: int) -> None:
        """Write down how a call ended."""
        await self._books.record(self._made(number, outcome, used, started, milliseconds))

    def _made(self, number: int, outcome: str, used: Used, started: int, milliseconds: int) -> ModelCall:
        site, run, entry = self._site, self._site.run, self._entry
        tokens = {name: min(count, MOST_TOKENS) for name, count in used.tokens.items()}
        return ModelCall(
            key=f"{run.run_id}/{site.path}/{site.attempt}/{site.delivery}/{number}",
            org_id=run.org_id,
            space_id=run.space_id,
            run_id=run.run_id,
            workflow_id=run.workflow_id,
            node=site.node,
            path=site.path,
            attempt=site.attempt,
            model=entry.name,
            provider=entry.provider,
            vendor_model=entry.vendor_model,
            outcome=outcome,
            input_tokens=tokens.get(INPUT, 0),
            output_tokens=tokens.get(OUTPUT, 0),
            cached_input_tokens=tokens.get(CACHED, 0),
            reasoning_tokens=tokens.get(THOUGHT, 0),
            cost=cost_of(entry.prices, tokens),
            currency=entry.prices.currency if entry.prices else "",
            started=started,
            milliseconds=milliseconds,
            estimated=used.estimated,
        )


class Call:
    """One call while it is made. It ends as `ok` if all went well, or if it was `whole` before the reader left."""

    def __init__(self, account: Account, used: Callable[[str], Used]) -> None:
        self._account = account
        self._used = used
        self.whole = False

    async def __aenter__(self) -> Self:
        self._started = time.time_ns() // 1_000_000
        self._since = time.monotonic()
        self._number = self._account.begin(self._used(BEGUN), self._started)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome = "ok" if error is None or (self.whole and not isinstance(error, FlowError)) else outcome_of(error)
        milliseconds = round((time.monotonic() - self._since) * 1000)
        await self._account.record(self._number, outcome, self._used(outcome), self._started, milliseconds)


def outcome_of(error: BaseException) -> str:
    """How a call ended that raised this."""
    if isinstance(error, FlowError):
        reason = error.facts.get("reason")
        return reason if isinstance(reason, str) else error.code
    return "failed" if isinstance(error, Exception) else "cancelled"


def cost_of(prices: Prices | None, tokens: Mapping[str, int]) -> int:
    """Millionths of the currency: prices are for a million tokens."""
    if prices is None:
        return 0
    given, cached = tokens.get(INPUT, 0), min(tokens.get(CACHED, 0), tokens.get(INPUT, 0))
    cheaper = prices.input if prices.cached_input is None else prices.cached_input
    cost = (given - cached) * prices.input + cached * cheaper + tokens.get(OUTPUT, 0) * prices.output
    return round(min(cost, _MOST_COST))
