"""The errors of Mainspring: what went wrong in the reader's words, its facts beside it, and whether trying again may
help.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import JsonValue


class FlowError(Exception):
    """The root of every error this project raises on purpose. It knows nothing of HTTP or Temporal.

    `code` is stable and meant for programs; the message is a sentence for people; `facts` are JSON values.
    """

    code: ClassVar[str] = "flow_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **facts: JsonValue) -> None:
        super().__init__(message)
        self.message = message
        self.facts: dict[str, JsonValue] = facts


class NodeFailed(FlowError):
    """The node did its work and the answer is no: trying again will not help."""

    code = "node_failed"


class NodeUnavailable(FlowError):
    """The node could not reach something: trying again may help.

    The fact `retry_after` (seconds, optional) is the earliest moment the other side wants to hear from us again; with
    `retry_at_once` the next attempt goes elsewhere, and nothing is waited for.
    """

    code = "node_unavailable"
    retryable = True


class NodeTimeout(FlowError):
    """The node did not finish within its time, all attempts together."""

    code = "node_timeout"


class InvalidInput(FlowError):
    """A value from outside does not fit: the fact `field` names it, the sentence says what would be right."""

    code = "invalid_input"


class InvalidCanvas(FlowError):
    """The canvas cannot be compiled; the fact `diagnostics` lists every finding."""

    code = "invalid_canvas"


class NotFound(FlowError):
    """There is no such thing, or it is not yours to see."""

    code = "not_found"


class Conflict(FlowError):
    """The thing has changed, or is not in a state that allows this."""

    code = "conflict"


class LimitExceeded(FlowError):
    """A limit was hit. The facts `limit` and `setting` say which, and where to change it."""

    code = "limit_exceeded"


class EngineError(FlowError):
    """The engine itself cannot go on (a plan is missing, a path leads nowhere): the run fails, visibly."""

    code = "engine_error"
