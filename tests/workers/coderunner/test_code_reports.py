"""What authors read when their code fails: the line of theirs, what is wrong with it, and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from workers.coderunner.engine import MESSAGE_CHARS, TaskFailed
from workers.coderunner.here import run_here


def failure(source: str, engine: str = "python", *, restricted: bool = True, **params: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as failed:
        run_here(engine, {"source": source, "params": params, "restricted": restricted})
    return failed.value


def returning(expression: str, before: str = "") -> str:
    return f"{before}\ndef main(args):\n    return {expression}\n"


@pytest.mark.parametrize(
    ("source", "reason", "kind", "line", "message"),
    [
        ("def main(args):\n    return {'v': 1 / 0}", "error", "ZeroDivisionError", 2, "division by zero"),
        ("\n\ndef main(args:\n", "syntax", "SyntaxError", 3, "'(' was never closed."),
        ("def main(args):\n  return 1\n return 2", "syntax", "SyntaxError", 3, "Unindent does not match"),
        ("x = 1\nraise ValueError('中文')", "error", "ValueError", 2, "中文"),
        ("async def main(args):\n    return args.params['a']", "error", "KeyError", 2, "'a'"),
        ("def main(args):\n    raise SystemExit('bye')", "error", "SystemExit", 2, "bye"),
        ("class Mine(Exception): pass\ndef main(args):\n    raise Mine()", "error", "Mine", 3, "Mine"),
        (
            "def main():\n    return {}",
            "error",
            "TypeError",
            None,
            "main() takes 0 positional arguments but 1 was given",
        ),
        ("def other(): pass", "error", "", None, "The code has no function `main`"),
        (
            "def main(args):\n    open('x')",
            "error",
            "NameError",
            2,
            "name 'open' is not defined: there are no files here",
        ),
        (
            "import json\ndef main(args):\n    json.nope()",
            "refused",
            "AttributeError",
            3,
            "The module `json` has no `nope`",
        ),
        ("\nimport requests\n", "refused", "ImportError", 2, "HTTP has a node of its own."),
        (
            "import pandas",
            "refused",
            "ImportError",
            1,
            "The module `pandas` is not offered. There are: abc, ast, asyncio",
        ),
        ("import os", "refused", "ImportError", 1, "(files and processes are out of reach here)"),
        ("from math import nope", "refused", "ImportError", 1, "The module `math` has no `nope` here."),
        ("\n\nx.__globals__", "refused", "", 3, "The attribute `__globals__` is not offered."),
        ("exec('1')", "refused", "", 1, "`exec` is not offered: code may not make code."),
        ("from math import *", "refused", "", 1, "`from math import *` is not offered: name what is needed."),
        ("class M(metaclass=type): pass", "refused", "", 1, "`metaclass=` is not offered (`class X(ABC)` makes"),
        ("try: pass\nexcept* ValueError: pass", "refused", "", 1, "`except*` is not offered: catch `Exception`"),
        ("x.__a__\n\ny.__b__\nz.__c__", "refused", "", 1, "is not offered. There is more on line 3, 4."),
        ("def main(args):\n    args.params.x = 1", "refused", "TypeError", 2, "Attributes of dict cannot be assigned."),
        ("def main(args):\n    'abc'[0] = 1", "refused", "TypeError", 2, "Items of str cannot be assigned."),
        ("def _getattr_(): pass", "refused", "", 1, "`_getattr_` is a name of the runner's own"),
        (
            "import asyncio\nasync def main(args):\n    await asyncio.Event().wait()",
            "error",
            "RuntimeError",
            None,
            "The code waits for something that nothing is left to bring about.",
        ),
    ],
)
def test_a_failure_names_the_line_and_what_is_wrong(
    source: str, reason: str, kind: str, line: int | None, message: str
) -> None:
    failed = failure(source)
    assert (failed.reason, failed.type, failed.line) == (reason, kind, line)
    assert message in failed.message


def test_a_failure_tells_the_way_through_the_authors_own_functions() -> None:
    source = "import json\ndef outer(text):\n    return inner(text)\ndef inner(text):\n    return json.loads(text)\n"
    failed = failure(source + "def main(args):\n    return outer('{')\n")
    assert (failed.type, failed.line) == ("JSONDecodeError", 5)
    assert failed.message.endswith("\n  line 7, in main\n  line 3, in outer\n  line 5, in inner")


def test_a_failure_tells_nothing_of_our_own() -> None:
    for restricted in (True, False):
        failed = failure("import json\ndef main(args):\n    return json.loads('[' * 5)", restricted=restricted)
        assert "workers" not in failed.message
        assert ".py" not in failed.message


@pytest.mark.parametrize("restricted", [True, False])
def test_a_message_has_an_end(restricted: bool) -> None:
    failed = failure("def main(args):\n    raise ValueError('x' * 10_000)", restricted=restricted)
    assert len(failed.message) <= MESSAGE_CHARS


@pytest.mark.parametrize(
    ("expression", "before", "message"),
    [
        ("{'a': [1, {'b': {2}}]}", "", "`result.a[1].b` is of type set, which JSON does not have: return a list"),
        ("{'a b': (1, b'x')}", "", "`result['a b'][1]` is of type bytes, which JSON does not have: return text"),
        ("{'a': {1: 2}}", "", "`result.a` has a key of type int; keys must be text (`str(key)`)."),
        ("{'x': float('nan')}", "", "`result.x` is nan, which JSON has no number for."),
        ("{'x': [float('-inf')]}", "", "`result.x[0]` is -inf, which JSON has no number for."),
        ("{'t': datetime.now()}", "from datetime import datetime", "return text (`x.isoformat()`)"),
        ("{'d': Decimal(1)}", "from decimal import Decimal", "return text or a number (`str(x)`, `float(x)`)"),
        ("{'c': C.A}", "from enum import IntEnum\nclass C(IntEnum):\n    A = 1", "return a plain one (`int(x)`)"),
        ("{'p': P(1)}", "from collections import namedtuple\nP = namedtuple('P', 'a')", "`x._asdict()`"),
        ("{'g': (x for x in [])}", "", "is of type generator, which JSON does not have: return a list (`list(x)`)."),
        ("{'f': main}", "", "is of type function, which JSON does not have"),
        ("{'u': uuid.uuid4()}", "import uuid", "`result.u` is of type UUID"),
        ("{'k': {}.keys()}", "", "is of type dict_keys"),
        ("{'l': loop}", "loop = []\nloop.append(loop)", "`result.l[0]` holds itself."),
        ("deep", "deep = {}\nfor _ in range(200): deep = {'d': deep}", "is nested deeper than 100 levels."),
        ("[1]", "", "`main` returned a value of type list; it must return a dict, which becomes a JSON object."),
        ("None", "", "`main` returned nothing; it must return a dict"),
        ("'text'", "", "`main` returned a value of type str"),
        ("D()", "class D(dict): pass", "`main` returned a value of type D"),
    ],
)
def test_a_result_that_is_no_json_is_told_by_its_place(expression: str, before: str, message: str) -> None:
    failed = failure(returning(expression, before))
    assert failed.reason == "output"
    assert message in failed.message


def test_dicts_that_count_or_have_defaults_are_objects() -> None:
    before = "from collections import Counter, OrderedDict, defaultdict"
    source = returning("{'c': Counter('aab'), 'o': OrderedDict(x=1), 'd': defaultdict(list, k=[(1, 2)])}", before)
    found = run_here("python", {"source": source, "params": {}, "restricted": True})
    assert found.value == {"c": {"a": 2, "b": 1}, "o": {"x": 1}, "d": {"k": [[1, 2]]}}


@pytest.mark.parametrize(
    ("source", "reason", "kind", "line", "message"),
    [
        (
            "function main() {\n  const a = null;\n  return a.x;\n}",
            "error",
            "TypeError",
            3,
            "cannot read property 'x' of null",
        ),
        ("function main() { return null.x }", "error", "TypeError", 1, "cannot read property"),
        ("const a = 1;\nconst b = => 2;", "syntax", "SyntaxError", 2, "Unexpected token"),
        ("async function main() {\n  await 1;\n  throw new RangeError('太大');\n}", "error", "RangeError", 3, "太大"),
        (
            "function main() {\n  return { v: fetch('x') };\n}",
            "error",
            "ReferenceError",
            2,
            "HTTP has a node of its own",
        ),
        (
            "function main() {\n  return { v: require('x') };\n}",
            "error",
            "ReferenceError",
            2,
            "there are no modules here",
        ),
        ("function main() {\n  throw { code: 5 };\n}", "error", "", None, '{"code":5}'),
        ("function main() { return 5; }", "output", "", None, "`main` returned a number; it must return an object."),
        ("function main() { return [1]; }", "output", "", None, "`main` returned an array"),
        ("const x = 1;", "error", "", None, "The code has no function `main`"),
        ("function main() { return new Promise(() => {}); }", "error", "", None, "nothing is left to bring about"),
        (
            "function main() {\n  const a = {};\n  a.a = a;\n  return a;\n}",
            "error",
            "TypeError",
            None,
            "circular reference",
        ),
        (
            "function a() {\n  return b();\n}\nfunction b() {\n  throw Error('x');\n}\n"
            "function main() {\n  return a();\n}",
            "error",
            "Error",
            5,
            "x",
        ),
    ],
)
def test_a_failure_of_javascript_names_the_line_and_what_is_wrong(
    source: str, reason: str, kind: str, line: int | None, message: str
) -> None:
    failed = failure(source, "javascript")
    assert message in failed.message
    assert (failed.reason, failed.type, failed.line) == (reason, kind, line)


@pytest.mark.parametrize(
    "signature",
    [
        "async function main({ params }: Args): Promise<Output>",
        "async function main(args: Args): Promise<Output>",
        "function main({ params }: { params: any })",
        "export async function main({ params }: Args)",
        "export default function main({ params })",
    ],
)
def test_a_main_may_be_signed_as_typescript_signs_it(signature: str) -> None:
    source = f"{signature} {{\n  const ret: Output = {{ v: 1 }};\n  return ret;\n}}"
    assert run_here("javascript", {"source": source, "params": {}}).value == {"v": 1}
