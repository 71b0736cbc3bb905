"""What is told to the author: which line of theirs went wrong, and how. Nothing of ours."""

from __future__ import annotations

from types import TracebackType
from typing import Final

from workers.coderunner.engine import MESSAGE_CHARS, Reason, TaskFailed
from workers.coderunner.language.classes import REFUSALS
from workers.coderunner.language.names import FILENAME
from workers.coderunner.language.offered import HINTS
from workers.coderunner.language.policy import Finding

_PLACES_SHOWN: Final = 5


def report(error: BaseException) -> TaskFailed:
    """The failure, as its author reads it."""
    places = _places(error.__traceback__)
    kind = type(error)
    reason: Reason = "refused" if issubclass(kind, tuple(REFUSALS)) else "error"
    name = str(type.__getattribute__(kind, "__name__"))
    message = _text_of(error)[:MESSAGE_CHARS] or name
    way = "".join(f"\n  line {line}, in {function}" for line, function in places[-_PLACES_SHOWN:])
    if len(places) > 1 and len(message) + len(way) <= MESSAGE_CHARS:
        message += way
    return TaskFailed(reason, message, type=name, line=places[-1][0] if places else None)


def unreadable(error: SyntaxError | ValueError) -> TaskFailed:
    """The text is no Python."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    line = error.lineno if isinstance(error, SyntaxError) else None
    return TaskFailed("syntax", f"{message[:1].upper()}{message[1:]}.", type="SyntaxError", line=line)


def refused(findings: list[Finding]) -> TaskFailed:
    """The text holds what is not offered."""
    first = findings[0]
    message = f"{first.message[:1].upper()}{first.message[1:]}."
    others = sorted({one.line for one in findings[1:] if one.line is not None and one.line != first.line})
    if others:
        message += f" There is more on line {', '.join(map(str, others[:10]))}."
    return TaskFailed("refused", message, line=first.line)


def _places(trace: TracebackType | None) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == FILENAME:
            found.append((trace.tb_lineno, code.co_name[:100]))
        trace = trace.tb_next
    return found


def _text_of(error: BaseException) -> str:
    try:
        text = str.__str__(str(error))
    except Exception:  # noqa: BLE001  (the author's own `__str__`, which may do anything)
        return "(the exception could not say what it is)"
    if isinstance(error, NameError) and (hint := HINTS.get(str(error.name))) is not None:
        text += f": {hint}"
    return text
