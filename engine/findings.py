"""Findings put into words: bounded lists, bounded names, and the known word closest to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from engine.diagnostics import Diagnostic

MAX_FINDINGS: Final = 200
"""A document of 5 MB can be wrong in a million places: this many are told, and how many more there are."""
ENOUGH: Final = 5_000
"""With so many findings, what can still be told is not worth the time to find it."""
_MAX_NAME: Final = 100
_MAX_NAMES: Final = 20


def capped(findings: Sequence[Diagnostic], *, unseen: bool = False) -> list[Diagnostic]:
    """The first of the findings, and one that counts the rest: an error when an error is among them, or may be.

    `unseen` says that so much was wrong already that not everything was looked at.
    """
    if len(findings) <= MAX_FINDINGS:
        return list(findings)
    rest = findings[MAX_FINDINGS:]
    errors = sum(finding.severity == "error" for finding in rest)
    number = f"{len(rest)} or more" if unseen else f"{len(rest)}"
    more = Diagnostic(
        "more_findings",
        f"There are {number} further findings, {errors} of them errors; they show when these are mended.",
        severity="error" if errors or unseen else "warning",
        facts={"more": len(rest), "errors": errors},
    )
    return [*findings[:MAX_FINDINGS], more]


def short(name: str) -> str:
    """A name as it stands in a sentence or a path; one of a megabyte is cut."""
    return name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…"


def listed(names: Iterable[str]) -> str:
    """`"a", "b", "c"`, and an end when there are many; `none` when there are none."""
    every = list(names)
    shown = ", ".join(f'"{short(name)}"' for name in every[:_MAX_NAMES])
    return f"{shown}, …" if len(every) > _MAX_NAMES else shown or "none"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or a full stop when nothing known comes close."""
    # The word itself may be known elsewhere: that is no help here.
    others = [one for one in list(known)[:1_000] if one != word]
    matches = get_close_matches(short(word), others, n=1, cutoff=0.6)
    return f'; did you mean "{matches[0]}"?' if matches else "."
