"""Two calls, one after the other, of people who do not know each other: the second finds nothing of the first."""

from __future__ import annotations

import pytest

from tests.workers.coderunner.running import Running
from tests.workers.coderunner.snippets import outcome
from workers.coderunner.client import Answer

SECRET = "a secret of somebody else"

# What the first leaves, what the second looks for, and what it must find. Without the language layer: the first can
# reach everything in its process.
STEPS: dict[str, tuple[str, str, object]] = {
    "a module patched": (
        "import json\njson.dumps = lambda *a, **k: 'mine'",
        "import json\nfound = json.dumps({'a': 1})",
        '{"a": 1}',
    ),
    "a module added to": ("import json\njson.canary = 1", "import json\nfound = hasattr(json, 'canary')", False),
    "a builtin replaced": (
        "import builtins\nbuiltins.len = lambda x: 42\nbuiltins.canary = 1",
        "import builtins\nfound = [len('abc'), hasattr(builtins, 'canary')]",
        [3, False],
    ),
    "a module in the list of all": (
        "import sys\nsys.modules['math'] = sys.modules['json']\nsys.modules['canary'] = sys",
        "import sys, math\nfound = ['canary' in sys.modules, math.sqrt(4)]",
        [False, 2.0],
    ),
    "the state of chance": (
        "import random\nrandom.seed(1)",
        "import random\nfound = random.random() == 0.13436424411240122",
        False,
    ),
    "chance itself": (
        "import random\nrandom.random = lambda: 4",
        "import random\nfound = random.random() == 4",
        False,
    ),
    "the precision of decimals": (
        "import decimal\ndecimal.getcontext().prec = 3",
        "import decimal\nfound = decimal.getcontext().prec",
        28,
    ),
    "the first day of the week": (
        "import calendar\ncalendar.setfirstweekday(3)",
        "import calendar\nfound = calendar.firstweekday()",
        0,
    ),
    "a dialect of CSV": (
        "import csv\ncsv.register_dialect('canary', delimiter='|')",
        "import csv\nfound = 'canary' in csv.list_dialects()",
        False,
    ),
    "how deep one may call": (
        "import sys\nsys.setrecursionlimit(77)",
        "import sys\nfound = sys.getrecursionlimit() > 500",
        True,
    ),
    "where modules are looked for": (
        "import sys\nsys.path.append('canary')\nsys.meta_path.append('canary')",
        "import sys\nfound = 'canary' in sys.path or 'canary' in sys.meta_path",
        False,
    ),
    "the environment": (
        "import os\nos.environ['CANARY'] = 'x'",
        "import os\nfound = dict(os.environ)",
        {},
    ),
    "what is done at the end": (
        "import sys\nsys.exitfunc = 1\nsys.excepthook = None\nsys.settrace(lambda *a: None)",
        "import sys\nfound = [sys.gettrace() is None, hasattr(sys, 'exitfunc')]",
        [True, False],
    ),
    "what signals do": (
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "import signal\nfound = signal.getsignal(signal.SIGTERM) == signal.SIG_IGN",
        False,
    ),
    "the loop of asyncio": (
        "import asyncio\nasyncio.sleep = None",
        "import asyncio\nfound = asyncio.iscoroutinefunction(asyncio.sleep)",
        True,
    ),
    "the engine": (
        "import sys\nsys.modules['workers.coderunner.exact'].encode = lambda *a: b'{}'\n"
        "sys.modules['workers.coderunner.child'].encode = lambda *a: b'{\"v\": 666}'",
        "found = 1",
        1,
    ),
    "the guards": (
        "import sys\nsys.modules['workers.coderunner.language.guards'].get = getattr\n"
        "sys.modules['workers.coderunner.language.proxies'].canary = 1",
        "import sys\nfound = hasattr(sys.modules['workers.coderunner.language.proxies'], 'canary')",
        False,
    ),
    "names of one's own": ("canary = 1\nglobals()['found2'] = 2", "found = 'canary' in globals()", False),
    "a cache of compiled expressions": (
        "import re\nre.compile('canary')\nre.purge()",
        "import re\nfound = [key for key in re._cache if 'canary' in str(key)]",
        [],
    ),
}


async def call(running: Running, language: str, source: str, **params: object) -> object:
    came = await outcome(running.client, language, source, params, org=str(params.get("org", "")))
    return came.value["v"] if isinstance(came, Answer) else came


@pytest.mark.parametrize("name", STEPS)
async def test_the_second_finds_nothing_of_the_first(unguarded: Running, name: str) -> None:
    leave, look, expected = STEPS[name]
    for _ in range(3):  # each of the zygotes
        await call(
            unguarded, "python", f"{leave}\ndef main(args): return {{'v': args.params}}", org="one", secret=SECRET
        )
        assert await call(unguarded, "python", f"{look}\ndef main(args): return {{'v': found}}", org="two") == expected


async def test_what_the_first_was_given_is_nowhere_in_memory(unguarded: Running) -> None:
    leave = """
kept = []
def main(args):
    kept.append(args.params)
    print(args.params)
    return {"v": str(args.params)}
"""
    look = """
import gc
def main(args):
    wanted = " of ".join(["a secret", "somebody else"])
    held = [text for one in gc.get_objects() for text in gc.get_referents(one) if isinstance(text, str)]
    return {"v": [text for text in held if wanted in text and text is not wanted]}
"""
    for _ in range(3):
        await call(unguarded, "python", leave, secret=SECRET)
        assert await call(unguarded, "python", look) == []


async def test_modules_that_are_written_to_are_as_before(guarded: Running) -> None:
    """With the language layer nobody can write to them in the first place; what can be set is set for one call."""
    leave = """
import decimal, random, csv, calendar
def main(args):
    decimal.getcontext().prec = 3
    random.seed(1)
    calendar.setfirstweekday(3)
    csv.register_dialect("canary", delimiter="|")
    return {"v": str(decimal.Decimal(1) / 3)}
"""
    look = """
import decimal, random, csv, calendar
def main(args):
    drawn = random.random() == 0.13436424411240122
    return {"v": [decimal.getcontext().prec, drawn, calendar.firstweekday(), csv.list_dialects()]}
"""
    for _ in range(3):
        assert await call(guarded, "python", leave) == "0.333"
        assert await call(guarded, "python", look) == [28, False, 0, ["excel", "excel-tab", "unix"]]


async def test_a_world_of_javascript_is_made_for_one_call(guarded: Running) -> None:
    leave = """
globalThis.canary = 1; Object.prototype.polluted = 1;
JSON.stringify = null; Array.prototype.map = null; Math.random = () => 4;
function main() { return { v: 1 }; }
"""
    look = """
function main() {
  return { v: [typeof canary, typeof {}.polluted, typeof JSON.stringify, [1].map(x => x + 1), Math.random() === 4] };
}
"""
    for _ in range(3):
        await call(guarded, "javascript", leave)
        assert await call(guarded, "javascript", look) == ["undefined", "undefined", "function", [2], False]
