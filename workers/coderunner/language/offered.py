"""The global names of an author's text: Python's own without those that reach out, and what the policy calls."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from workers.coderunner.language import classes, guards
from workers.coderunner.language.names import MODULE
from workers.coderunner.language.proxies import Proxy, importer

_BUILTINS: Final = """
    ArithmeticError AssertionError AttributeError BlockingIOError BufferError BytesWarning ConnectionError
    DeprecationWarning EOFError Ellipsis Exception False FileExistsError FileNotFoundError FloatingPointError
    FutureWarning GeneratorExit IOError ImportError IndexError InterruptedError KeyError KeyboardInterrupt LookupError
    MemoryError ModuleNotFoundError NameError None NotImplemented NotImplementedError OSError OverflowError
    PermissionError RecursionError ReferenceError RuntimeError RuntimeWarning StopAsyncIteration StopIteration
    SyntaxError SystemError SystemExit TimeoutError True TypeError UnboundLocalError UnicodeDecodeError
    UnicodeEncodeError UnicodeError UserWarning ValueError Warning ZeroDivisionError
    abs aiter all anext any ascii bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter
    float format frozenset hash hex int isinstance issubclass iter len list map max min next object oct ord pow property
    range repr reversed round set slice sorted staticmethod str sum super tuple zip
"""

HINTS: Final[Mapping[str, str]] = {
    "open": "there are no files here",
    "input": "nobody is there to answer",
    "compile": "code may not make code",
    "globals": "the names of the code cannot be had as a dict",
    "locals": "the names of the code cannot be had as a dict",
    "vars": "write `x.__dict__` for the attributes of an object of your own",
    "dir": "the names of an object cannot be listed",
    "setattr": "assign the attribute by its name, or keep a dict",
    "delattr": "delete the attribute by its name, or keep a dict",
    "id": "compare with `is`",
    "memoryview": "use bytes or bytearray",
    "BaseException": "catch `Exception`",
    "ExceptionGroup": "raise one exception",
    "exit": "return from `main`",
    "quit": "return from `main`",
    "breakpoint": "`print` goes to the log",
    "help": "`print` goes to the log",
    "requests": "there is no network here, and HTTP has a node of its own",
    "fetch": "there is no network here, and HTTP has a node of its own",
}
"""Why a name is not there, by the name."""


def namespace(modules: Mapping[str, Proxy], write: Callable[..., None]) -> dict[str, Any]:
    """Fresh global names. `write` is `print`."""
    offered = {name: getattr(builtins, name) for name in _BUILTINS.split()}
    offered |= {
        "__build_class__": classes.build_class,
        "__import__": importer(modules),
        "getattr": guards.get,
        "hasattr": guards.has,
        "print": write,
        "type": classes.Type,
    }
    names = {
        "__builtins__": offered,
        "__name__": MODULE,
        "Args": guards.Args,
        "Output": dict,
        "_attribute_": guards.attribute,
        "_getattr_": guards.get,
        "_match_class_": classes.match_class,
        "_match_value_": classes.MatchedValue,
        "_write_": guards.write,
        "_write_attribute_": guards.write_attribute,
    }
    guards.OWN_NAMESPACES[:] = [names]
    return names


def plain_namespace(modules: frozenset[str], write: Callable[..., None]) -> dict[str, Any]:
    """Global names without the language layer: Python as it is, with imports by the same list."""

    def find(name: str, globals: Any = None, locals: Any = None, names: Any = (), level: int = 0) -> ModuleType:
        if type(names) is not list and (level or not (name in modules or name.partition(".")[0] in modules)):
            raise ImportError(f"The module `{name}` is not offered. There are: {', '.join(sorted(modules))}.")
        return builtins.__import__(name, globals, locals, names, level)

    return {
        "__builtins__": {**vars(builtins), "__import__": find, "print": write},
        "__name__": MODULE,
        "Args": guards.Args,
        "Output": dict,
    }


def name_the_module() -> None:
    """Give the author's classes a module that is known: dataclasses look there for what annotations mean."""
    import dataclasses
    import typing

    module = ModuleType(MODULE)
    module.__dict__.update(
        {"ClassVar": typing.ClassVar, "InitVar": dataclasses.InitVar, "KW_ONLY": dataclasses.KW_ONLY},
        typing=typing,
        dataclasses=dataclasses,
    )
    sys.modules[MODULE] = module
