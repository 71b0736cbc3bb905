"""Whatever the language layer hands out, and whatever can be read of that, leads to nothing that is worth having."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import datetime
import decimal
import functools
import io
import json
import random
import re
import string
import types
import uuid
import zoneinfo
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import pytest

from workers.coderunner.language import classes, guards, modules, offered
from workers.coderunner.language.names import METHODS, READABLE
from workers.coderunner.language.proxies import Proxy

POWERFUL = {
    "_io",
    "_posixsubprocess",
    "_socket",
    "_thread",
    "ctypes",
    "importlib",
    "inspect",
    "io",
    "os",
    "pathlib",
    "posix",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "sys",
    "threading",
}
HARMLESS = {"_io.BytesIO", "_io.StringIO", "_thread.RLock"}
PLAIN = (
    int,
    str,
    float,
    complex,
    bytes,
    bytearray,
    tuple,
    list,
    dict,
    set,
    frozenset,
    type(None),
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.ClassMethodDescriptorType,
    functools.partial,
)
"""What leads no further, or anew with each look."""


async def examples() -> list[tuple[str, Any]]:
    """An instance of whatever code can get hold of that is more than its class."""

    async def coroutine() -> None: ...

    task = asyncio.ensure_future(coroutine())
    await task
    error = AttributeError("x", name="x", obj=json)
    found = {
        "task": task,
        "queue": asyncio.Queue(),
        "lock": asyncio.Lock(),
        "match": re.match("a", "a"),
        "pattern": re.compile("a"),
        "time": datetime.datetime.now(datetime.UTC),
        "generator": (x for x in [1]),
        "error": error,
        "text": io.StringIO(),
        "bytes": io.BytesIO(),
        "zone": zoneinfo.ZoneInfo("UTC"),
        "uuid": uuid.uuid4(),
        "counter": Counter(),
        "deque": deque(),
        "template": string.Template("x"),
        "reader": csv.DictReader([]),
        "partial": functools.partial(len),
        "cached": functools.lru_cache(json.dumps),
        "context": decimal.getcontext(),
        "encoder": json.JSONEncoder(),
        "stack": contextlib.ExitStack(),
        "manager": contextlib.contextmanager(lambda: iter(()))(),
        "function": json.dumps,
        "method": random.random,
        "property": property(),
        "alias": list[int],
        "view": types.MappingProxyType({}),
        "super": super(Counter, Counter()),
        "args": guards.Args({}),
    }
    return list(found.items())


def everything(start: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """All that can be read, by whatever name, with the way to it."""
    todo, seen = deque(start), dict[int, Any]()
    while todo:
        path, thing = todo.popleft()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        yield path, thing
        if isinstance(thing, PLAIN) and "." in path:
            continue
        names = set(dir(thing)) | METHODS | READABLE | {"__globals__", "__code__", "__self__", "__dict__", "gi_frame"}
        if type(thing) is Proxy:
            names |= set(object.__getattribute__(thing, "_holds")[1])
        for name in sorted(names):
            with contextlib.suppress(Exception):  # whatever a thing says to a name that it does not have
                todo.append((f"{path}.{name}", guards.get(thing, name)))


def leads_out(thing: Any) -> bool:
    if isinstance(thing, (types.ModuleType, types.FrameType, types.CodeType, types.TracebackType)):
        return True
    if isinstance(thing, type) and issubclass(thing, type):
        return thing is not classes.type_of(int)
    if isinstance(thing, types.FunctionType | types.BuiltinFunctionType | type):
        module = str(thing.__module__)
        return module in POWERFUL and f"{module}.{thing.__qualname__}" not in HARMLESS
    return False


async def test_nothing_that_is_handed_out_leads_out() -> None:
    modules.load()
    names = offered.namespace(modules.offered(()), print)
    start = [*names["__builtins__"].items(), *modules.offered(()).items(), *await examples()]
    # What imports is called by statements alone, and what makes classes too: their names cannot be written.
    reached = list(everything([(path, thing) for path, thing in start if not path.startswith("__")]))
    assert len(reached) > 5_000
    assert [(path, repr(thing)[:80]) for path, thing in reached if leads_out(thing)] == []


@pytest.mark.parametrize(
    "name", ["__globals__", "__code__", "__subclasses__", "__mro__", "gi_frame", "f_back", "tb_frame"]
)
def test_no_getter_gives_what_leads_out(name: str) -> None:
    held = (x for x in [1])
    for thing in (json.dumps, held, object, ValueError("x")):
        assert not guards.has(thing, name)
        assert guards.get(thing, name, "none") == "none"
        with pytest.raises(AttributeError):
            guards.get(thing, name)


def test_every_name_that_is_offered_is_there_or_belongs_to_a_later_python() -> None:
    modules.load()
    for title, proxy in modules.offered(()).items():
        names = object.__getattribute__(proxy, "_holds")[1]
        assert names, title
        assert not any(name.startswith("_") for name in names), title
