"""The engines by name, each with its module and the kind of zygote that it lives in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, cast

from workers.coderunner.engine import Engine
from workers.coderunner.exact import ANSWER_BYTES

Kind = Literal["code", "document"]
"""Zygotes of kind `code` are there from the start; those of kind `document` come with the first file, and go again."""


@dataclass(frozen=True)
class Entry:
    """Where an engine is: `module` has it as `ENGINE`."""

    module: str
    kind: Kind
    answer_bytes: int = ANSWER_BYTES
    """How large its answers may be, as JSON."""
    trial: Mapping[str, Any] = field(default_factory=dict)
    """A task of ours, which a child may run while it waits for its own: what it has touched once is its own memory, and
    need not be copied when somebody waits."""


ENGINES: Mapping[str, Entry] = {
    "python": Entry(
        "workers.coderunner.engines.python_code",
        "code",
        trial={
            "source": "async def main(args: Args) -> Output:\n    return {'a': args.params['a']}",
            "params": {"a": [1]},
        },
    ),
    "javascript": Entry(
        "workers.coderunner.engines.javascript",
        "code",
        trial={"source": "async function main({ params }) { return { a: params.a }; }", "params": {"a": [1]}},
    ),
    "template": Entry(
        "workers.coderunner.engines.template",
        "code",
        answer_bytes=4_000_000,
        trial={"template": "{{ a }}", "values": {"a": [1]}, "escape": False},
    ),
    "document": Entry("workers.coderunner.engines.document", "document", answer_bytes=64_000_000),
}


def load_engine(entry: Entry) -> Engine:
    """Import an engine."""
    return cast(Engine, import_module(entry.module).ENGINE)
