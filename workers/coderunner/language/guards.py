"""What stands between the author's code and the attributes of things: each that is read or written goes by here."""

from __future__ import annotations

import asyncio
import builtins
import enum
import functools
import re
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque
from collections.abc import Iterator
from decimal import Context
from string import Formatter
from typing import Any, Final, NoReturn

from workers.coderunner.language.classes import (
    ALIASES,
    RefusedAttribute,
    RefusedUse,
    Type,
    is_own,
    is_plain,
    name_of,
    type_of,
)
from workers.coderunner.language.names import (
    ENUM_NAMES,
    FRAMES,
    METHODS,
    READABLE,
    TUPLE_NAMES,
    attribute_problem,
    is_dunder,
)
from workers.coderunner.language.proxies import Proxy

_NOTHING: Final = object()
_HAS_NOT: Final = object()
_LEAKS: Final = (types.ModuleType, types.FrameType, types.CodeType, types.TracebackType)
_POWERS: Final = {id(getattr(builtins, name)): name for name in (
    "__import__", "breakpoint", "compile", "delattr", "dir", "eval", "exec", "getattr", "globals", "input", "locals",
    "open", "setattr", "vars",
)}  # fmt: skip
_TASKS: Final = frozenset({"get_context", "get_coro", "get_loop", "get_stack", "print_stack"})
_OF_CLASSES: Final = frozenset({"mro", "register"})
_OF_ARRAYS: Final = frozenset({"ctypes", "data", "dump", "tofile"})
LOOKED_AT: Final = frozenset({"format", "format_map", "obj"}) | _TASKS | _OF_CLASSES | _OF_ARRAYS
"""Public attributes that are dangerous on some things."""

OWN_NAMESPACES: Final[list[dict[str, Any]]] = []
"""The global names of the author's text, by which its functions are known."""


class Args:
    """What `main` is called with."""

    __slots__ = ("params",)

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params


class SimpleNamespace(types.SimpleNamespace):
    """Stands for that of `types`, which would take any name: also those that Python itself looks for."""

    def __init__(self, /, **named: Any) -> None:
        for name in named:
            if (problem := attribute_problem(name, written=True)) is not None:
                raise RefusedUse(f"{problem[0].upper()}{problem[1:]}.")
        super().__init__(**named)


def get(thing: Any, name: str, default: Any = _NOTHING) -> Any:
    """`getattr`, and every dot: without what leads out."""
    if type(name) is not str:
        raise TypeError("attribute name must be string")
    try:
        if name in FRAMES:
            _refuse(name)
        if type(thing) is Proxy:
            return _harmless(thing.offered(name), name)
        if name[:1] == "_":
            return _hidden(thing, name)
        found = getattr(thing, name)
        return _looked_at(thing, name, found) if name in LOOKED_AT else _harmless(found, name)
    except AttributeError:
        if default is _NOTHING:
            raise
        return default


_HARMLESS: Final = frozenset(
    {bool, bytes, dict, float, int, list, set, str, tuple, type(None), types.FunctionType, types.MethodType}
)


def attribute(thing: Any, name: str) -> Any:
    """A dot whose name the policy has found to be plain, and none of those that are looked at: the shortest way."""
    found = thing.offered(name) if type(thing) is Proxy else getattr(thing, name)
    return found if type(found) in _HARMLESS else _harmless(found, name)


def has(thing: Any, name: str) -> bool:
    """`hasattr`."""
    return get(thing, name, _HAS_NOT) is not _HAS_NOT


def _refuse(name: str) -> NoReturn:
    raise RefusedAttribute(f"The attribute `{name}` is not offered.")


def _harmless(found: Any, name: str) -> Any:
    if isinstance(found, _LEAKS):
        _refuse(name)
    if found is type:
        return Type
    if type(found) is types.BuiltinFunctionType and id(found) in _POWERS:
        _refuse(name)
    return found


# Names that begin with an underscore.


def _hidden(thing: Any, name: str) -> Any:
    if (type(thing), False, name) in _known:
        return _harmless(getattr(thing, name), name)
    if attribute_problem(name, written=False) is not None and name not in TUPLE_NAMES:
        _refuse(name)
    if is_dunder(name):
        return _harmless(_dunder(thing, name), name)
    kind = thing if isinstance(thing, type) else type(thing)
    if not (
        (kind, kind is thing, name) in _known
        or (name in ENUM_NAMES and issubclass(kind, enum.Enum))
        or _is_own_name(thing, kind, name)
    ):
        getattr(thing, name)  # says that there is none, where there is none
        _refuse(name)
    return _harmless(getattr(thing, name), name)


_known: set[tuple[type, bool, str]] = set()
"""Names with an underscore that are the author's own, by class, on the class itself or on its instances."""


def _is_own_name(thing: Any, kind: type, name: str) -> bool:
    if kind is super:
        return _is_own_beyond(thing, name)
    if kind is types.FunctionType:
        return _is_own_function(thing)
    for base in kind.__mro__:
        if name in type.__getattribute__(base, "__dict__"):
            own = is_own(base) or (name in TUPLE_NAMES and issubclass(base, tuple))
            break
    else:  # an attribute of the instance itself; one of the metaclass is none of the author's
        own = kind is not thing and is_plain(kind)
    if own:
        _known.add((kind, kind is thing, name))
    return own


def _is_own_beyond(thing: Any, name: str) -> bool:
    """Whether what `super()` would find is the author's."""
    order = object.__getattribute__(thing, "__self_class__").__mro__
    after = order[order.index(object.__getattribute__(thing, "__thisclass__")) + 1 :]
    holder = next((base for base in after if name in type.__getattribute__(base, "__dict__")), None)
    return holder is not None and is_own(holder)


_VALUES: Final = frozenset(
    {bool, bytes, bytearray, complex, dict, float, frozenset, int, list, range, set, slice, str, tuple, type(None)}
    | {OrderedDict, defaultdict, Counter, deque}
)


def _dunder(thing: Any, name: str) -> Any:
    if name == "__class__":
        return type_of(thing)
    if name in ("__setattr__", "__delattr__"):
        return _writer(thing, name)
    if name in METHODS:
        return getattr(thing, name) if _may_call(thing, name) else _refuse(name)
    if name == "__dict__":
        # A copy: what is written into the real one goes by no guard.
        readable = is_plain(type(thing)) or type(thing) is SimpleNamespace
        return dict(thing.__dict__) if readable else _refuse(name)
    if name in ("__cause__", "__context__"):
        return getattr(thing, name) if isinstance(thing, BaseException) else _refuse(name)
    if name == "__members__":
        return dict(thing.__members__) if isinstance(thing, enum.EnumType) else _refuse(name)
    found = getattr(thing, name) if name in READABLE else None
    return found if type(found) is str or found is None else _refuse(name)


_REFLECTING: Final = frozenset({"__call__", "__delete__", "__get__", "__getattr__", "__set__", "__set_name__"})
"""Methods that reach for what they are told to: of the author's own classes only."""


def _may_call(thing: Any, name: str) -> bool:
    kind = type(thing)
    if name in _REFLECTING:
        return _is_own_name(thing, thing if isinstance(thing, type) else kind, name)
    return kind is super or isinstance(thing, type) or kind in _VALUES or is_own(kind)


def _writer(thing: Any, name: str) -> Any:
    """`super().__setattr__` or `object.__setattr__`, which would write anything anywhere."""
    kind = type(thing)
    if not (kind is super or is_own(kind) or (isinstance(thing, type) and (thing is object or is_own(thing)))):
        _refuse(name)
    raw = getattr(thing, name)
    bound = not isinstance(thing, type)

    def guarded(*arguments: Any) -> Any:
        where, attribute = (None, arguments[0]) if bound else (arguments[0], arguments[1])
        if type(attribute) is not str:
            raise TypeError("attribute name must be string")
        if attribute_problem(attribute, written=True) is not None:
            _refuse(attribute)
        if where is not None:
            write_attribute(where, attribute)
        return raw(*arguments)

    return guarded


# Public names that lead out on some things.


def _looked_at(thing: Any, name: str, found: Any) -> Any:
    if issubclass(type(thing), ALIASES):
        # It hands every name on to what it was made of, which may be anything, and again such an alias.
        return _looked_at(object.__getattribute__(thing, "__origin__"), name, found)
    if name in ("format", "format_map"):
        return _guarded_format(name, found)
    kind = thing if isinstance(thing, type) else type(thing)
    if kind is super:
        kind = object.__getattribute__(thing, "__self_class__")
    if name == "obj" and issubclass(kind, AttributeError) and not is_own(kind):
        _refuse(name)
    if name in _TASKS and issubclass(kind, asyncio.Future):
        _refuse(name)
    # Also through an alias (`C[int].register`).
    if name in _OF_CLASSES and isinstance(getattr(found, "__self__", None), type) and _is_of_metaclass(found, name):
        _refuse(name)
    if name in _OF_ARRAYS and kind.__module__.partition(".")[0] == "numpy":
        _refuse(name)
    return _harmless(found, name)


def _is_of_metaclass(method: Any, name: str) -> bool:
    return not any(name in type.__getattribute__(base, "__dict__") for base in method.__self__.__mro__)


_STEP: Final = re.compile(r"\.([^.\[]+)|\[([^\]]+)\]")
_FIRST: Final = re.compile(r"[^.\[]*")


class _Formatter(Formatter):
    """What `str.format` does, with our own dot. For one text."""

    def __init__(self) -> None:
        self._numbered = 0

    def parse(self, format_string: Any) -> Iterator[Any]:
        """The pieces, with the fields numbered that have no name: a `Formatter` numbers `{}`, but not `{.x}`."""
        for literal, field, spec, conversion in super().parse(format_string):
            if field is not None and field[:1] in ("", ".", "["):
                field = f"{self._numbered}{field}"
                self._numbered += 1
            yield literal, field, spec, conversion

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        """What a field names, and the name that it begins with."""
        first = _FIRST.match(field_name)[0]  # type: ignore[index]  # it always matches
        key: Any = int(first) if first.isdecimal() else first
        found, done = self.get_value(key, args, kwargs), len(first)
        while done < len(field_name):
            step = _STEP.match(field_name, done)
            if step is None:
                raise ValueError("Empty attribute in format string")
            name, item = step.groups()
            found = get(found, name) if name is not None else found[int(item) if item.isdecimal() else item]
            done = step.end()
        return found, key


def _guarded_format(name: str, found: Any) -> Any:
    if isinstance(found, types.BuiltinMethodType) and isinstance(found.__self__, str):
        return functools.partial(_format if name == "format" else _format_map, found.__self__)
    if found is str.__dict__[name]:
        return _format if name == "format" else _format_map
    # Written in Python, they call the real one.
    if getattr(found, "__func__", found) is UserString.__dict__[name]:
        guarded = _format if name == "format" else _format_map
        if isinstance(found, types.MethodType):
            return functools.partial(guarded, found.__self__)
        return guarded
    return _harmless(found, name)


def _format(text: Any, /, *arguments: Any, **named: Any) -> str:
    return _Formatter().vformat(_plain_text(text), arguments, named)


def _format_map(text: Any, mapping: Any, /) -> str:
    return _Formatter().vformat(_plain_text(text), (), mapping)


def _plain_text(text: Any) -> str:
    return str.__str__(text.data if isinstance(text, UserString) else text)


# Writing.

_ITEMS: Final = frozenset(
    {bytearray, dict, list, OrderedDict, defaultdict, Counter, deque, ChainMap, UserDict, UserList}
)
_ATTRIBUTES: Final = frozenset({Args, Context, SimpleNamespace})


def write(thing: Any) -> Any:
    """The thing, if its items may be written."""
    kind = type(thing)
    if kind in _ITEMS or is_own(kind) or kind.__module__ == "numpy":
        return thing
    raise RefusedUse(f"Items of {name_of(thing)} cannot be assigned.")


def write_attribute(thing: Any, name: str, read: bool = False) -> Any:
    """The thing, if its attributes may be written, by a name that may be. `read`: it is also read, and not by `get`."""
    kind = type(thing)
    if read and (name in LOOKED_AT or name[:1] == "_") and (not is_plain(kind) or issubclass(kind, (str, UserString))):
        get(thing, name)
        if name in ("format", "format_map"):
            _refuse(name)
    if is_own(kind) or kind in _ATTRIBUTES or isinstance(thing, BaseException):
        return thing
    if (isinstance(thing, type) and is_own(thing)) or _is_own_function(thing):
        return thing
    raise RefusedUse(f"Attributes of {name_of(thing)} cannot be assigned.")


def _is_own_function(thing: Any) -> bool:
    return type(thing) is types.FunctionType and any(thing.__globals__ is names for names in OWN_NAMESPACES)
