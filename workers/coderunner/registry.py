"""The engines by name, each with its module and the kind of zygote that it lives in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, cast

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


ENGINES: Mapping[str, Entry] = {
    "python": Entry("workers.coderunner.engines.python_code", "code"),
    "javascript": Entry("workers.coderunner.engines.javascript", "code"),
    "template": Entry("workers.coderunner.engines.template", "code", answer_bytes=4_000_000),
    "document": Entry("workers.coderunner.engines.document", "document", answer_bytes=64_000_000),
}


def load_engine(entry: Entry) -> Engine:
    """Import an engine."""
    return cast(Engine, import_module(entry.module).ENGINE)
