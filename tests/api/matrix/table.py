"""The reviewed table: each route, and for whom it is. Neither stands without the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

_FILE: Final = Path(__file__).with_name("routes.yaml")
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_NOTHING: Final = frozenset({"new", "canvas", "tools"})
"""Words in braces that are no things."""


@dataclass(frozen=True)
class Audience:
    """For whom a route is: who gets through to what is here, who would in a place of his own, and who does anywhere."""

    here: frozenset[str]
    elsewhere: frozenset[str]
    all: frozenset[str]


@dataclass(frozen=True)
class Row:
    """One route. The file says what the fields mean."""

    method: str
    path: str
    audience: Audience
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    upload: str = ""
    stands: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    but: Mapping[str, int] = field(default_factory=dict)
    once: bool = False
    unreached: bool = False
    apart: bool = False

    @property
    def things(self) -> dict[str, str]:
        """The ids in the address: the name there, and the thing."""
        return {name: self.stands.get(name, name) for name in _PARAMETER.findall(self.path)}

    @property
    def names(self) -> bool:
        """Whether it is about something, that the address names, the query or the body."""
        said = {*_PARAMETER.findall(f"{self.body} {dict(self.query)}")}
        return bool(self.things or said - _NOTHING)

    def address(self, ids: Mapping[str, str]) -> str:
        """The address of these things."""
        return _PARAMETER.sub(lambda found: ids[found[1]], self.path)

    def expected(self, actor: str) -> int:
        """What an actor gets who asks for what is here; 0: any success."""
        if actor in self.but:
            return self.but[actor]
        if actor in self.audience.here or (actor in self.audience.elsewhere and (self.unreached or not self.names)):
            return self.status
        return 404 if actor in self.audience.elsewhere else 403


def read_table() -> dict[str, Row]:
    """The rows, by method and path."""
    read: Any = yaml.safe_load(_FILE.read_text("utf-8"))
    audiences = {
        name: Audience(*(frozenset(said.get(who, ())) for who in ("here", "elsewhere", "all")))
        for name, said in read["audiences"].items()
    }
    rows = {}
    for name, said in read["routes"].items():
        method, _, path = name.partition(" ")
        more: dict[str, Any] = {"audience": said} if isinstance(said, str) else dict(said)
        audience, stands = audiences[more.pop("audience")], more.pop("as", {})
        rows[name] = Row(method, path, audience, stands=stands, **more)
    return rows
