"""Modules as the author sees them: a list of names each, and nothing of what the real ones hold beside."""

from __future__ import annotations

import importlib
import os
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from workers.coderunner.language.classes import RefusedAttribute, RefusedImport

_DENIED: Final = frozenset(
    {"DataSource", "ctypes", "ctypeslib", "distutils", "f2py", "fromfile", "fromregex", "genfromtxt", "get_include",
     "load", "load_library", "loadtxt", "memmap", "open_memmap", "save", "savetxt", "savez", "savez_compressed",
     "test", "testing"}
)  # fmt: skip
"""Of further modules: what reads and writes files, or loads libraries."""
_ASIDE: Final = {
    "requests": "HTTP", "requests_async": "HTTP", "httpx": "HTTP", "aiohttp": "HTTP",
    "urllib.request": "HTTP", "urllib3": "HTTP", "http": "HTTP", "socket": "HTTP",
    "os": "files and processes", "sys": "the interpreter", "subprocess": "files and processes",
    "pathlib": "files and processes", "shutil": "files and processes", "threading": "threads",
    "multiprocessing": "files and processes",
}  # fmt: skip

_RARE: Final = frozenset(
    {"binascii", "cmath", "collections.abc", "colorsys", "graphlib", "gzip", "html.parser", "ipaddress", "numbers",
     "pprint", "struct", "types", "urllib"}
)  # fmt: skip
"""Modules that need not be named to who looks for another."""

_SEAL: Final = object()


def proxy(title: str, names: Mapping[str, Any], further: types.ModuleType | None = None) -> Proxy:
    """A module of these names; of all names of a real one, where `further` is given."""
    return Proxy(title, names, further, seal=_SEAL)


class Proxy:
    """A module, read-only. It has no `__name__`: `from` would look for submodules under it, past all this."""

    __slots__ = ("_holds",)

    def __init__(
        self, title: str, names: Mapping[str, Any], further: types.ModuleType | None = None, *, seal: object = None
    ) -> None:
        # Code can get at this class by `type(json)`: what it would make of it is no module.
        if seal is not _SEAL or hasattr(self, "_holds"):
            raise TypeError("A module cannot be made or changed.")
        object.__setattr__(self, "_holds", (title, dict(names), further))

    def offered(self, name: str) -> Any:
        """One of its names. Raises `AttributeError`."""
        title, names, further = object.__getattribute__(self, "_holds")
        if name in names:
            return names[name]
        if further is not None and (found := _further(further, name)) is not None:
            names[name] = found
            return found
        raise RefusedAttribute(f"The module `{title}` has no `{name}` here.")

    def offered_or(self, name: str, default: Any) -> Any:
        """One of its names, or the default."""
        try:
            return self.offered(name)
        except AttributeError:
            return default

    # What Python itself asks, in `import a.b as c` and `from a import b`.
    __getattr__ = offered

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise TypeError("A module cannot be changed.")

    def __delattr__(self, name: str) -> NoReturn:
        raise TypeError("A module cannot be changed.")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A module cannot be copied.")

    def __repr__(self) -> str:
        return f"<module {object.__getattribute__(self, '_holds')[0]}>"


def _further(module: types.ModuleType, name: str) -> Any:
    """A name of a module that the operator added: not proxied one by one, so this relies on the kernel."""
    if name in _DENIED or (name.startswith("_") and name != "__version__"):
        return None
    found = getattr(module, name, None)
    if not isinstance(found, types.ModuleType):
        return found
    inside = found.__name__.startswith(f"{module.__name__}.")
    return proxy(found.__name__, {}, found) if inside else None


def further(name: str) -> Proxy:
    """A module that the operator added, imported with what it would otherwise load later."""
    for count in _THREADS:
        os.environ[count] = "1"
    try:
        module = importlib.import_module(name)
        for attribute in dir(module):
            if not attribute.startswith("_") and attribute not in _DENIED:
                getattr(module, attribute, None)
    finally:
        for count in _THREADS:
            del os.environ[count]
    return proxy(name, {}, module)


_THREADS: Final = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Libraries for numbers start threads when they are loaded, and a process with threads cannot be forked safely."""


def importer(modules: Mapping[str, Proxy]) -> Callable[..., Proxy | None]:
    """Stands for what an `import` statement calls."""

    def find(name: str, globals: Any = None, locals: Any = None, names: Any = (), level: int = 0) -> Proxy | None:
        if type(names) is list:
            # Python's own C code needs a module (`strptime` does); a statement would have a tuple. It takes the module
            # from where all are, so that it must not be refused, and nothing need be given.
            return None
        if type(name) is not str or level or name not in modules:
            raise RefusedImport(_not_there(str(name), modules))
        found = modules[name]
        for wanted in names or ():
            if found.offered_or(wanted, None) is None:
                raise RefusedImport(f"The module `{name}` has no `{wanted}` here.")
        return found if names else modules[name.partition(".")[0]]

    return find


def _not_there(name: str, modules: Mapping[str, Proxy]) -> str:
    about = _ASIDE.get(name, _ASIDE.get(name.partition(".")[0], ""))
    if about == "HTTP":
        return f"The module `{name}` is not offered: there is no network here, and HTTP has a node of its own."
    reason = f" ({about} are out of reach here)" if about else ""
    offered = ", ".join(sorted(title for title in modules if title not in _RARE))
    # Of the library nothing more can be had; anything else is a matter of what is installed and let in.
    standard = name.partition(".")[0] in sys.stdlib_module_names
    more = "" if standard else " An operator can add others with MAINSPRING_CODE_MODULES."
    return f"The module `{name}` is not offered{reason}. There are: {offered}.{more}"
