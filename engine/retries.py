"""When a failed attempt is followed by another one, and after what pause."""

from __future__ import annotations

from engine.plan import Call
from engine.runtime import StepError


def retry_delay(call: Call | None, retries: int, error: StepError, attempt: int) -> float | None:
    """Seconds until the next attempt after this one; None when there is none.

    What may succeed later is tried as often as the node type says; what the canvas wants retried (`retries`) is retried
    whatever the error, and at once, as the reference does.
    """
    wanted = 1 + retries
    if not error.may_retry or call is None:
        return 0.0 if attempt < wanted else None
    if attempt >= max(call.attempts, wanted):
        return None
    if error.facts.get("retry_at_once") is True:
        return 0.0
    asked = error.facts.get("retry_after")
    pause = call.backoff_ms / 1000 * call.backoff_factor ** (attempt - 1)
    return max(pause, float(asked)) if isinstance(asked, int | float) else pause
