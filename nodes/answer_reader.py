"""Readers of answers: work that a question has done for each answer, as an activity with a name of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel

from engine.plan import Call
from engine.values import Json
from nodes.context import NodeContext
from nodes.reading import read_inputs
from nodes.surface import Retry

IN = TypeVar("IN", bound=BaseModel)
Read = Callable[[IN, NodeContext], Awaitable[Mapping[str, Json]]]


@dataclass(frozen=True)
class AnswerReader(Generic[IN]):
    """Reads an answer: gives the output and names the port through the context, or asks on (`ctx.ask`)."""

    name: str
    inputs: type[IN]
    function: Read[IN]
    timeout: timedelta

    async def run(self, inputs: Mapping[str, Json], ctx: NodeContext) -> dict[str, Json]:
        """Read the answer. Raises `InvalidInput` and what the function raises."""
        return dict(await self.function(read_inputs(self.inputs, inputs), ctx))

    def call(self, retry: Retry, settings: Mapping[str, Json]) -> Call:
        """The call for the plan."""
        return Call(
            activity=self.name,
            tier="activity",
            timeout_ms=self.timeout // timedelta(milliseconds=1),
            attempts=retry.attempts,
            backoff_ms=retry.backoff // timedelta(milliseconds=1),
            backoff_factor=retry.factor,
            settings=dict(settings),
        )


def answer_reader(
    name: str, inputs: type[IN], *, timeout: timedelta = timedelta(minutes=5)
) -> Callable[[Read[IN]], AnswerReader[IN]]:
    """Make a reader of a function. Its name has a dot in it: those without are node types."""

    def decorate(function: Read[IN]) -> AnswerReader[IN]:
        return AnswerReader(name, inputs, function, timeout)

    return decorate
