"""Errors on their way through Temporal: ours become its application errors, and come back as a step's error."""

from __future__ import annotations

from typing import Any, Final

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    ChildWorkflowError,
    TerminatedError,
    TimeoutType,
)
from temporalio.exceptions import TimeoutError as TimedOut

from engine.errors import EngineError, FlowError
from engine.runtime import StepError

_LONGEST_MESSAGE: Final = 10_000


def to_temporal(error: FlowError) -> ApplicationError:
    """The error as an application error that Temporal never retries: that is the interpreter's business.

    It counts as benign, an outcome that the author of the canvas may expect, unless the engine itself is at fault.
    """
    step = StepError.of(error)
    # The sentence and its facts stand in the history, and in a message of at most 4 MB with those of others.
    message = step.message[:_LONGEST_MESSAGE]
    expected = not isinstance(error, EngineError) and step.error_code != "node_crashed"
    return ApplicationError(
        message,
        {"facts": step.facts, "retryable": step.may_retry},
        type=step.error_code,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN if expected else ApplicationErrorCategory.UNSPECIFIED,
    )


def is_ours(error: ApplicationError) -> bool:
    """Whether `to_temporal` made it: others are Python's errors, named by their class."""
    details: Any = error.details[0] if error.details else None
    return isinstance(details, dict) and "facts" in details


def to_step_error(error: ActivityError | ApplicationError | ChildWorkflowError) -> StepError:
    """What went wrong with an activity or a child, in the interpreter's form."""
    cause = error if isinstance(error, ApplicationError) else error.cause
    match cause:
        case ApplicationError():
            return _from_application(cause)
        case TimedOut(type=TimeoutType.HEARTBEAT):
            return StepError("worker_lost", "The process that ran this died, again and again.", retryable=True)
        case TimedOut():
            return StepError("node_timeout", "The node did not finish within its time.")
        case TerminatedError():
            return StepError("terminated", "An operator ended this sub-workflow.")
        case _:
            return StepError("temporal_error", str(cause or error) or "Temporal gave no reason.")


def _from_application(error: ApplicationError) -> StepError:
    details: Any = error.details[0] if error.details else None
    known = details if isinstance(details, dict) else {}
    facts: Any = known.get("facts", {})
    step = StepError(error.type or "temporal_error", error.message, retryable=bool(known.get("retryable", False)))
    step.facts.update(facts)
    return step
