"""Code: a function of the author's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.error_numbers import ABSENT
from engine.schema import required_of
from engine.values import Json
from nodes.reading import read_settings
from nodes.sandbox import CodeFailed, CodeTask
from nodes.surface import DECLARED, Category, Example, NodeContext, Retry, activity_node

SOURCE_BYTES: Final = 100 * 1024
SECONDS: Final = 60.0
LOG_CHARS: Final = 32_000
"""Printed lines are kept in the history and in the record of the step, so they are a few pages and no more."""

_COUNT: Final = """\
async def main(args: Args) -> Output:
    words = args.params["text"].split()
    print("words:", len(words))
    return {"count": len(words), "longest": max(words, key=len)}
"""
_SORT: Final = """\
function main(args) {
  const names = args.params.names.slice().sort((a, b) => a.length - b.length);
  return { names, first: names[0] };
}
"""


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Literal["python", "javascript"] = Field("python", description="What it is written in.")
    source: str = Field(description="The code: a function `main` that takes `args` and returns an object.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="allow")


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    """What can be said of the code without reading it: that is done in the jail alone."""
    source, field = settings.source, "data.settings.source"
    if not source.strip():
        yield Diagnostic(code="no_code", message="There is no code.", node=node.id, field=field)
    elif len(source.encode(errors="replace")) > SOURCE_BYTES:
        message = f"The code is longer than {SOURCE_BYTES // 1024} KiB."
        yield Diagnostic(code="code_too_long", message=message, node=node.id, field=field)
    elif "main" not in source:
        message = "The code has no function `main`, which is what is called."
        yield Diagnostic(code="no_main", message=message, node=node.id, field=field)


@activity_node(
    "code",
    title="Code",
    category=Category.LOGIC,
    timeout=timedelta(minutes=3),
    # For the runner being away: what the author's code does wrong it does wrong every time.
    retry=Retry(attempts=3, backoff=timedelta(seconds=1)),
    outputs=DECLARED,
    settings=Settings,
    check=check,
    examples=(
        Example(
            title="Python",
            inputs={"text": "山高 月小 水落 石出来"},
            settings={"language": "python", "source": _COUNT},
            output={"count": 4, "longest": "石出来"},
        ),
        Example(
            title="JavaScript",
            inputs={"names": ["韩梅梅", "Ada", "李雷"]},
            settings={"language": "javascript", "source": _SORT},
            output={"names": ["李雷", "韩梅梅", "Ada"], "first": "李雷"},
        ),
    ),
)
async def code(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Call a function of your own, in Python or JavaScript.

    The inputs of the node are `args.params`; the object that `main` returns is its output, converted to what the canvas
    declares. Members that it does not declare pass as they are; one that is required and missing makes the node fail.
    Python may be `async`. What is printed (`print`, `console.log`) stands in the record of the step as its `logs`, and
    in the facts of an error, which names the type, the message and the line of your code.

    The code runs in a jail: alone, for at most a minute, 5 seconds of it computing (`MAINSPRING_CODE_SECONDS`), without
    network, files or memory of earlier calls. It may run twice, when a process dies at the wrong moment, and then the
    second result counts: what it draws by chance or reads from the clock may differ.
    """
    settings = read_settings(Settings, ctx.settings)
    params: dict[str, Any] = dict(inputs.model_extra or {})
    try:
        done = await ctx.sandbox.run(ctx.run.org_id, CodeTask(settings.language, settings.source, params, SECONDS))
    except CodeFailed as failed:
        if isinstance(printed := failed.facts.get("logs"), list):
            failed.facts["logs"] = [*_kept([str(line) for line in printed])]
        raise
    logs = _kept(done.logs)
    match done.value:
        case dict() as output:
            missing: list[Json] = [name for name in required_of(dict(ctx.output_schema or {})) if name not in output]
            if missing:
                message = f"`main` returned an object without {missing[0]}, which is a required output."
                raise CodeFailed(message, reason="output", missing=missing, logs=[*logs], number=ABSENT)
            ctx.log(*logs)
            return output
        case other:
            message = f"`main` must return an object with the outputs, but it returned {_KINDS[type(other)]}."
            raise CodeFailed(message, reason="output", logs=[*logs])


_KINDS: Final[dict[type, str]] = {
    type(None): "nothing",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    list: "a list",
}


def _kept(lines: Sequence[str]) -> list[str]:
    """The first lines, as many as are kept, and how many more there were."""
    kept: list[str] = []
    left = LOG_CHARS
    for number, line in enumerate(lines):
        left -= len(line)
        if left < 0:
            kept.append(f"… and {len(lines) - number} more lines, which are not kept")
            break
        kept.append(line)
    return kept
