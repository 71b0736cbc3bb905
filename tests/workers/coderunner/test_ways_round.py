"""Ways around the language layer that lead through the standard library, each to its end: none may get there."""

from __future__ import annotations

import pytest

from workers.coderunner.engine import TaskFailed
from workers.coderunner.here import run_here

REFUSED = {
    "the format of a UserString": """
import collections, json
def main(args): return {"got": collections.UserString("{0.__globals__[__name__]}").format(json.dumps)}
""",
    "its format_map": """
import collections, json
def main(args): return {"got": collections.UserString("{a.__globals__[__name__]}").format_map({"a": json.dumps})}
""",
    "its format, from its class": """
import collections, json
def main(args): return {"got": collections.UserString.format(collections.UserString("{0.__globals__}"), json.dumps)}
""",
    "its format, of a subclass by a pattern": """
import collections, json
class U(collections.UserString): pass
def main(args):
    match U("{0.__globals__}"):
        case U(format=found): return {"got": found(json.dumps)}
""",
    "its format, of a subclass by a dataclass": """
import collections, dataclasses, json
@dataclasses.dataclass(init=False)
class U(collections.UserString):
    format: object
def main(args): return {"got": dataclasses.asdict(U("{0.__globals__}"))["format"](json.dumps)}
""",
    "an alias of an exception": """
def main(args):
    try: "".nope
    except AttributeError as error: return {"got": str(type(list[int])(error, (int,)).obj)}
""",
    "an annotated exception": """
import typing
def main(args):
    try: "".nope
    except AttributeError as error: return {"got": str(typing.Annotated[error, 1].obj)}
""",
    "an alias of an alias of a task": """
import asyncio
async def main(args):
    alias = type(list[int])
    return {"got": str(alias(alias(asyncio.current_task(), (int,)), (int,)).get_loop())}
""",
    "the stack of a task, by the alias of its class": """
import asyncio
async def main(args): return {"got": str(asyncio.Task[int].get_stack(asyncio.current_task()))}
""",
    "a field that is called like a method of a task": """
import asyncio, dataclasses
@dataclasses.dataclass(init=False)
class F(asyncio.Future):
    get_loop: object
async def main(args): return {"got": str(dataclasses.asdict(F())["get_loop"]())}
""",
    "what a dispatching function holds": """
import copy, functools
class A:
    x: "__import__('os').getpid()"
def main(args):
    memory = {}
    copy.deepcopy(functools.singledispatch(len), memory)
    [inside] = [value["_by_class"] for value in memory.values() if type(value) is dict]
    return {"got": str(inside.register(A()))}
""",
    "what an event holds": """
import asyncio, copy
async def main(args):
    event, memory = asyncio.Event(), {}
    waiting = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    event.set()
    await waiting
    copy.deepcopy(event, memory)
    return {"got": len(memory)}
""",
    "what a module holds": """
import copy, json
def main(args):
    memory = {}
    copy.deepcopy(json, memory)
    return {"got": len(memory)}
""",
    "a base that answers differently the second time": """
class Base:
    asked = 0
    def __getattr__(self, name):
        if name != "__mro_entries__": raise AttributeError(name)
        self.asked += 1
        return lambda bases: (super,) if self.asked > 1 else (object,)
class Derived(Base()): pass
def main(args): return {"got": issubclass(Derived, super)}
""",
    "slots for Python's own names": """
import copy
class A:
    __slots__ = ("__getstate__", "__dict__")
    def __getattr__(self, name): return lambda: ({}, {"__class__": dict})
def main(args): return {"got": str(copy.copy(A()))}
""",
    "slots whose names cannot be seen": """
names = ("__getstate__",)
class A:
    __slots__ = names
def main(args): return {"got": 1}
""",
    "slots bound by a loop": """
class A:
    for __slots__ in [("__class__",)]: pass
def main(args): return {"got": 1}
""",
}
HONEST = {
    "texts of one's own": (
        """
import collections, dataclasses
class U(collections.UserString):
    def shout(self): return U(self.data.upper()).data + super().format(a=1)
@dataclasses.dataclass
class D:
    format: str
def main(args):
    return {"got": [collections.UserString("{0}-{b[c]}").format(1, b={"c": 2}), U("{a}").shout(),
                    collections.UserString("{x}").format_map({"x": "茶"}), D("csv").format]}
""",
        ["1-2", "{A}1", "茶", "csv"],
    ),
    "bases that are no classes": (
        """
import typing
T = typing.TypeVar("T")
class Box(typing.Generic[T]):
    __slots__ = ("held",)
    def __init__(self, held): self.held = held
class Names(typing.List[str]): pass
class Numbers(list[int]): pass
class Point(typing.NamedTuple):
    x: int
class Record(typing.TypedDict, total=False):
    a: int
class One:
    __slots__ = "only"
def main(args):
    one = One()
    one.only = 4
    return {"got": [Box[int](1).held, Names("ab")[1], Numbers([2])[0], Point(3).x, Record(a=5)["a"], one.only]}
""",
        [1, "b", 2, 3, 5, 4],
    ),
    "copies": (
        """
import copy, functools
class A:
    def __init__(self): self.held = [1]
    def __deepcopy__(self, memory):
        made = A()
        made.held = copy.deepcopy(self.held, memory)
        return made
def main(args):
    a = A()
    b = copy.deepcopy({"a": [a, a]})["a"][0]
    b.held.append(2)
    f = functools.singledispatch(lambda x: "any")
    f.register(int, lambda x: "int")
    return {"got": [a.held, b.held, f(1), f("")]}
""",
        [[1], [1, 2], "int", "any"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_way_round_leads_nowhere(name: str) -> None:
    with pytest.raises(TaskFailed) as failed:
        run_here("python", {"source": REFUSED[name], "params": {}, "restricted": True})
    assert failed.value.reason in ("refused", "error")


@pytest.mark.parametrize("name", HONEST)
def test_beside_it_honest_code_goes_on(name: str) -> None:
    source, expected = HONEST[name]
    assert run_here("python", {"source": source, "params": {}, "restricted": True}).value == {"got": expected}


def test_the_http_of_coze_is_told_of_the_node() -> None:
    with pytest.raises(TaskFailed, match="HTTP has a node of its own"):
        run_here(
            "python", {"source": "import requests_async\ndef main(args): return {}", "params": {}, "restricted": True}
        )
