"""JavaScript code of an author: a function `main`, called with `{params}`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import quickjs

from workers.coderunner.engine import TaskFailed
from workers.coderunner.engines.javascript_world import WORLD

MEMORY_BYTES: Final = 96 << 20
STACK_BYTES: Final = 1 << 20

_TRIAL: Final = """
async function main({ params }: Args): Promise<Output> {
    await new Promise(done => setTimeout(done, 0));
    console.log('ready', params);
    return { key: [params.input, new Date(0).toISOString(), /茶/u.test(params.input)] };
}
"""
_PLACE: Final = re.compile(r"^ +at (?:(\S+) \()?<input>(?::(\d+))?\)?$", re.MULTILINE)
_TYPE: Final = r"(\s*:\s*(?:\{[^{}]*\}|[\w<>\[\].,| ])+?)?"
_SIGNATURE: Final = re.compile(rf"(function\s+main\s*\(\s*(?:\{{[^{{}}()]*\}}|\w+)){_TYPE}(\s*\)){_TYPE}(\s*\{{)")
_DECLARED: Final = re.compile(rf"(\b(?:const|let|var)\s+\w+){_TYPE}(\s*=(?![=>]))")
_EXPORTED: Final = re.compile(
    r"^(\s*)(export(?:\s+default)?)(\s+(?:async\s+)?(?:function|const|let|class)\b)", re.MULTILINE
)
_HINTS: Final = {
    "fetch": "there is no network here, and HTTP has a node of its own",
    "XMLHttpRequest": "there is no network here, and HTTP has a node of its own",
    "require": "there are no modules here",
    "process": "there is nothing of the machine here",
    "Buffer": "there are `btoa` and `atob`",
    "window": "there is no page here",
    "document": "there is no page here",
}
_STACK_CHARS: Final = 20_000
_NOT_DEFINED: Final = re.compile(r"'(\w+)' is not defined")


class _JavaScript:
    """The engine `javascript`."""

    def prepare(self, modules: Sequence[str]) -> None:
        """Run one of everything."""
        self.run({"source": _TRIAL, "params": {"input": "茶"}, "restricted": True}, _unheard)

    def enter(self) -> None:
        """Nothing: the engine asks nothing of the system."""

    def run(self, task: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
        """What `main` returns, or what its promise gives. Failures name the line of the author's text."""
        context = quickjs.Context()
        context.set_memory_limit(MEMORY_BYTES)
        context.set_max_stack_size(STACK_BYTES)
        context.add_callable("log_line", lambda line: _print(line, log))
        step = context.eval(WORLD)
        _evaluate(context, task["source"])
        return _driven(context, step, json.dumps(task["params"]), task["source"])


ENGINE: Final = _JavaScript()


def _print(line: object, log: Callable[[str], None]) -> None:
    """Text arrives as JSON: what is not in JSON would end at a character zero."""
    text: str = json.loads(str(line))
    for one in text.split("\n"):
        log(one)


def _evaluate(context: Any, source: str) -> None:
    # One line more: the engine gives no number for what stands on the first.
    try:
        try:
            context.eval(f"\n{source}")
        except quickjs.JSException as error:
            plainer = _without_types(source)
            if plainer == source or not str(error).startswith("SyntaxError:"):
                raise
            context.eval(f"\n{plainer}")
    except quickjs.JSException as error:
        _give_up(error, source)


def _without_types(source: str) -> str:
    """Without what TypeScript and modules write around a `main`; everything else stays in its place."""

    def blank(text: str | None) -> str:
        return re.sub(r"[^\n]", " ", text or "")

    source = _EXPORTED.sub(lambda found: f"{found[1]}{blank(found[2])}{found[3]}", source)
    source = _SIGNATURE.sub(lambda found: f"{found[1]}{blank(found[2])}{found[3]}{blank(found[4])}{found[5]}", source)
    return _DECLARED.sub(lambda found: f"{found[1]}{blank(found[2])}{found[3]}", source)


def _driven(context: Any, step: Any, params: str, source: str) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(step("main", params))
        while True:
            while context.execute_pending_job():
                pass
            state = json.loads(step("look", ""))
            if state["state"] != "waiting":
                return _result(state, source)
            if state["wait"] < 0:
                message = "`main` never ends: it waits for something that nothing is left to bring about."
                raise TaskFailed("error", message)
            time.sleep(min(state["wait"], 60_000) / 1000)
            if state["wait"] <= 60_000:
                step("fire", "")
    except quickjs.JSException as error:
        _give_up(error, source)
    except UnicodeDecodeError:
        raise TaskFailed("output", "The result holds text that is no Unicode (half of a surrogate pair).") from None


def _result(state: dict[str, Any], source: str) -> dict[str, Any]:
    match state["state"]:
        case "finished":
            found: dict[str, Any] = json.loads(state["value"])
            return found
        case "odd":
            raise TaskFailed("output", f"`main` returned {state['message']}; it must return an object.")
        case "missing":
            raise TaskFailed("error", "The code has no function `main`: `async function main({ params }) { … }`.")
        case _:
            raise _failure(state["type"], state["message"], state["stack"], source)


def _give_up(error: Any, source: str) -> NoReturn:
    """Of an exception that came to us as text: `Name: message`, and the places below it."""
    text, _, stack = str(error).partition("\n    at ")
    kind, _, message = text.partition(": ")
    if not re.fullmatch(r"\w{1,100}", kind):
        kind, message = "", text
    raise _failure(kind, message, f"    at {stack}", source) from None


def _failure(kind: str, message: str, stack: str, source: str) -> TaskFailed:
    line = _line(stack, source)
    if kind == "InternalError" and message == "out of memory":
        return TaskFailed("memory", "The code took more memory than it may.", line=line)
    if kind == "SyntaxError" and stack.count("\n") <= 2 and "(" not in stack:
        return TaskFailed("syntax", f"{message[:1].upper()}{message[1:]}.", type=kind, line=line)
    if found := _NOT_DEFINED.fullmatch(message):
        message += f": {_HINTS[found[1]]}" if found[1] in _HINTS else ""
    return TaskFailed("error", message or kind, type=kind, line=line)


def _line(stack: str, source: str) -> int | None:
    """Of the innermost place. A function on one line has no number there, but a name."""
    for name, number in _PLACE.findall(stack[:_STACK_CHARS]):
        if number and int(number) > 1:
            return int(number) - 1
        if re.fullmatch(r"[A-Za-z_$][\w$]*", name):
            pattern = rf"(?:function\b[\s*]*|\b(?:const|let|var)\s+|^\s*){re.escape(name)}\s*[=(]"
            if found := re.search(pattern, source, re.MULTILINE):
                return source.count("\n", 0, found.end()) + 1
    return None


def _unheard(line: str) -> None:
    """What the trial prints."""
