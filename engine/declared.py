"""Inputs with a type of the author's own: converted before anything reads them, and never absent."""

from __future__ import annotations

from engine.bindings import Bound
from engine.conversion import convert, zero_fill
from engine.plan import Step
from engine.schema import as_schema, properties_of


def declare(step: Step, bound: Bound) -> list[str]:
    """Give the bound inputs their declared types, in place; the warnings say what did not fit and is null.

    What is absent or null becomes the zero of its type. A template still shows nothing for a source that was skipped:
    it looks at the source.
    """
    if step.types is None:
        return []
    warnings: list[str] = []
    for name, member in properties_of(step.types).items():
        if name in bound:
            bound[name], said = convert(bound[name], as_schema(member), path=name)
            warnings += said
    bound |= zero_fill(bound, step.types)
    return warnings
