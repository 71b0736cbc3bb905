"""A node's chain of models: the first is asked, and after an attempt that failed the next one, without a pause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from engine.canvas import ListOf, Literally, Node
from engine.values import Json
from nodes.chat import ModelFailed, ModelUnavailable, Reason
from nodes.surface import NodeContext, Retry

FALLBACKS: Final = "fallback_models"
MOST: Final = 8
ALONE: Final = Retry(attempts=3, backoff=timedelta(seconds=1))
"""Of the last model of a chain; one that has no fallback is its own last."""
ABOUT_THE_MODEL: Final = frozenset[Reason](
    ("auth", "not_found", "quota", "unsupported", "context_length", "content_filter")
)
"""Refusals that another model may not share; a request that is wrong is wrong for all of them."""


def tries(node: Node) -> Retry:
    """One try for each model but the last, which has all that a model alone would have.

    Of a list that is known only when it runs, as many models are asked as there are tries for one alone.
    """
    given = node.data.inputs.get(FALLBACKS)
    match given:
        case ListOf(list=names):
            more = len(names)
        case Literally(value=list() as names):
            more = len(names)
        case _:
            more = 0
    return Retry(attempts=ALONE.attempts + min(more, MOST), backoff=ALONE.backoff)


class Chain:
    """The models of a node as this attempt sees them."""

    def __init__(self, first: str, others: Sequence[str], ctx: NodeContext) -> None:
        self._models = [first, *others]
        self._place = min(ctx.attempt, len(self._models)) - 1
        self._ctx = ctx

    @property
    def place(self) -> int:
        """0 for the first model, then that among the fallbacks, from 1."""
        return self._place

    @property
    def name(self) -> str:
        """The model to ask."""
        return self._models[self._place]

    def answered(self) -> None:
        """Leave in the record who answered, if it was not the first."""
        if self._place > 0:
            self._ctx.warn(
                f"The fallback model {self.name} answered, because {self._models[self._place - 1]} did not:"
                " the retries of this step say why."
            )

    def failed(self, error: ModelFailed | ModelUnavailable) -> ModelFailed | ModelUnavailable:
        """The error to raise: where another model may answer, one that leads to it at once."""
        last = self._place == len(self._models) - 1
        may_pass_on = isinstance(error, ModelUnavailable) or error.facts.get("reason") in ABOUT_THE_MODEL
        if last or not may_pass_on:
            return error
        following = self._models[self._place + 1]
        facts: dict[str, Json] = {name: fact for name, fact in error.facts.items() if name != "retry_after"}
        return ModelUnavailable(
            f"{error.message} The model {following} is asked next.",
            **facts | {"retry_at_once": True, "next_model": following},
        )
