"""Follows a run to its end, or to where it waits for an answer that nobody here has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import click

from cli.complaint import CommandFailed
from cli.http_client import ApiClient, ApiRefused
from cli.progress import Progress
from cli.run_inputs import read_value
from engine.values import Json

Person = Callable[[Mapping[str, Any]], Awaitable[Json]]
Outcome = Literal["succeeded", "failed", "cancelled", "waiting"]

_QUIET_SECONDS: Final = 0.3
"""A run that only waits says nothing for this long."""


class GivenAnswers:
    """Answers from the command line: `WAIT=VALUE`, where WAIT is a wait's id or its node's; each is given once."""

    def __init__(self, pairs: Iterable[str]) -> None:
        self._left: dict[str, list[str]] = {}
        for pair in pairs:
            name, sign, value = pair.partition("=")
            if not sign or not name.strip():
                raise CommandFailed(f"--answer takes WAIT=VALUE, but {pair!r} came.")
            self._left.setdefault(name.strip(), []).append(value)

    def take(self, wait: Mapping[str, Any], node: str) -> Json:
        """The answer to a wait, or None."""
        for name in (str(wait["wait_id"]), node):
            if self._left.get(name):
                return as_answer(self._left[name].pop(0), wait)
        return None

    @property
    def unused(self) -> list[str]:
        """The names of which an answer is left."""
        return [name for name, values in self._left.items() if values]


@dataclass(frozen=True)
class _Asked:
    wait: Mapping[str, Any]
    node: str


class Follower:
    """One run, followed once."""

    def __init__(
        self,
        client: ApiClient,
        run_id: str,
        progress: Progress,
        *,
        answers: GivenAnswers | None = None,
        person: Person | None = None,
    ) -> None:
        self._client = client
        self._run_id = run_id
        self._progress = progress
        self._answers = answers or GivenAnswers(())
        self._person = person
        self._asked: list[_Asked] = []

    async def follow(self) -> Outcome:
        """Show what happens until there is an outcome."""
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        reading = asyncio.create_task(self._read(events), name="events of the run")
        try:
            while True:
                try:
                    event = await asyncio.wait_for(events.get(), _QUIET_SECONDS)
                except TimeoutError:
                    if await self._settle():
                        return "waiting"
                    continue
                if event is None:
                    await reading
                    raise CommandFailed(f"The events of the run {self._run_id} broke off.")
                self._take(event)
                if (ended := self._progress.view.ended) is not None:
                    return _outcome(str(ended["type"]))
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            self._progress.close()

    async def _read(self, events: asyncio.Queue[dict[str, Any] | None]) -> None:
        try:
            async for event in self._client.events(self._run_id, self._progress.view.seq):
                events.put_nowait(event)
        finally:
            events.put_nowait(None)

    def _take(self, event: Mapping[str, Any]) -> None:
        self._progress.take(event)
        if event["type"] == "wait.opened":
            self._asked.append(_Asked(event["data"], event["node"]))

    async def _settle(self) -> bool:
        """Answer what is asked; whether nothing goes on any more because an answer is missing."""
        waits = self._progress.view.waits
        self._asked = [asked for asked in self._asked if asked.wait["wait_id"] in waits]
        for asked in [*self._asked]:
            if (answer := self._answers.take(asked.wait, asked.node)) is not None:
                await self._give(asked, answer)
            elif self._person is not None:
                self._progress.pause()
                await self._ask(asked)
        return bool(waits) and bool(self._asked) and not self._progress.view.busy

    async def _ask(self, asked: _Asked) -> None:
        """Ask the person until the run takes the answer."""
        while self._person is not None:
            try:
                await self._give(asked, await self._person(asked.wait))
            except CommandFailed as refused:
                click.echo(click.style(refused.message, fg="red"), err=True)
            else:
                return

    async def _give(self, asked: _Asked, answer: Json) -> None:
        wait_id = str(asked.wait["wait_id"])
        self._asked.remove(asked)
        try:
            await give_answer(self._client, self._run_id, wait_id, answer)
        except CommandFailed:
            self._asked.append(asked)
            raise


async def give_answer(client: ApiClient, run_id: str, wait_id: str, answer: Json) -> None:
    """Hand an answer over. Raises `CommandFailed` when it does not fit; one that came too late does no harm."""
    try:
        await client.post(f"/runs/{run_id}/answers", {"wait_id": wait_id, "answer": answer})
    except ApiRefused as refused:
        if refused.facts.get("status") == 409:
            click.echo(refused.message, err=True)
            return
        raise CommandFailed(f"The answer to {wait_id} was not taken. {refused.message}") from refused


def as_answer(text: str, wait: Mapping[str, Any]) -> Json:
    """What was typed, as the run takes it: the values of a form may be JSON, an answer is a text."""
    if wait.get("kind") == "form":
        value = read_value(text)
        return value if isinstance(value, dict) else text
    return text


def _outcome(kind: str) -> Outcome:
    match kind:
        case "run.succeeded":
            return "succeeded"
        case "run.cancelled":
            return "cancelled"
        case _:
            return "failed"
