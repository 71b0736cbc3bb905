"""The limits of the language, as one value that the settings fill in and every part reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the reference has no limit we set one and say so when it is hit. Sizes in bytes.

    Each field is a setting of the same name in upper case, with the prefix `MAINSPRING_`.
    """

    canvas_bytes: int = 5 * 1024 * 1024
    canvas_nodes: int = 1_000
    canvas_depth: int = 64
    """Nesting of the JSON document."""
    executed_steps: int = 100_000
    subflow_depth: int = 20
    inline_value_bytes: int = 256 * 1024
    """A value larger than this leaves the history and is carried by reference."""
    run_input_bytes: int = 10 * 1024 * 1024
    import_bytes: int = 32 * 1024 * 1024
    """A file of workflows, with all its canvases."""
    value_bytes: int = 64 * 1024 * 1024
    """The largest value a node may hand on at all."""
    template_bytes: int = 64 * 1024
    rendered_bytes: int = 2 * 1024 * 1024
    batch_items: int = 100_000
    batch_concurrency: int = 64
    loop_turns: int = 100_000
    in_place_steps: int = 2_000
    """A run walked in place that executes more steps than this starts over through Temporal."""


DEFAULT_LIMITS = Limits()
