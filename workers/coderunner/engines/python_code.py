"""Python code of an author: a function `main`, called with the inputs of its node."""

from __future__ import annotations

import ast
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, Final

from workers.coderunner.engine import TaskFailed
from workers.coderunner.language import loop, modules, offered, reports
from workers.coderunner.language.guards import Args
from workers.coderunner.language.names import FILENAME
from workers.coderunner.language.policy import Policy
from workers.coderunner.language.printing import Printer
from workers.coderunner.language.proxies import Proxy
from workers.coderunner.language.result import as_json

_TRIAL: Final = """
async def main(args: Args) -> Output:
    ret: Output = {"key": [args.params["input"]]}
    return ret
"""


class _Python:
    """The engine `python`."""

    def __init__(self) -> None:
        self._offered: dict[str, Proxy] = {}
        self._plain: frozenset[str] = frozenset()

    def prepare(self, modules_: Sequence[str]) -> None:
        """Import what there is to import, and run one of everything."""
        modules.load()
        self._offered, self._plain = modules.offered(modules_), modules.plain(modules_)
        offered.name_the_module()
        for restricted in (True, False):
            self.run({"source": _TRIAL, "params": {"input": "茶"}, "restricted": restricted}, _unheard)

    def enter(self) -> None:
        """Draw other chances than the process that this one was forked from."""
        random.seed()

    def run(self, task: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
        """What `main` returns. Failures name the line of the author's text."""
        printer = Printer(log)
        code = _compiled(task["source"], restricted=task["restricted"])
        try:
            if task["restricted"]:
                return _run(code, offered.namespace(self._offered, printer.write), task["params"])
            with loop.everywhere():
                return _run(code, offered.plain_namespace(self._plain, printer.write), task["params"])
        except (TaskFailed, MemoryError):
            raise
        except BaseException as error:  # noqa: BLE001  (anybody's code: it raises what it likes, SystemExit too)
            raise reports.report(error) from None
        finally:
            printer.flush()


ENGINE: Final = _Python()


def _compiled(source: str, *, restricted: bool) -> CodeType:
    try:
        tree = ast.parse(source, FILENAME)
        if restricted:
            policy = Policy()
            policy.visit(tree)
            if policy.findings:
                raise reports.refused(policy.findings)
        # Our own `from __future__` must not be the author's.
        code: CodeType = compile(tree, FILENAME, "exec", dont_inherit=True)
        return code
    except (SyntaxError, ValueError) as error:
        raise reports.unreadable(error) from None
    except RecursionError:
        raise TaskFailed("refused", "The code is nested too deeply.", type="RecursionError") from None


def _run(code: CodeType, names: dict[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    exec(code, names)  # noqa: S102  (what all this is about)
    return as_json(_called(names.get("main"), Args(dict(params))))


def _called(main: Any, args: Args) -> Any:
    if not callable(main):
        raise TaskFailed("error", "The code has no function `main`: `async def main(args: Args) -> Output:`.")
    found = main(args)
    return loop.run(_awaited(found)) if inspect.isawaitable(found) else found


async def _awaited(thing: Any) -> Any:
    return await thing


def _unheard(line: str) -> None:
    """What the trial prints."""
