"""A context for nodes under test: everything a node may ask of the world, kept where a test can look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from engine.runtime import RunContext, ToolsCalled, ToolUse
from engine.values import Json
from nodes.context import FilePart, Http, HttpReply, Models
from nodes.sandbox import Sandbox
from storage.conversations import SqlConversations
from storage.ports import VariableDefinition, VariableScope
from tests.nodes.example_tables import ExampleTables
from tests.nodes.jail import OpenJail
from tests.nodes.kept_knowledge import KeptKnowledge
from tests.nodes.kept_plugins import KeptPlugins
from tests.storage.memory_database import MemoryDatabase
from workers.models.registry import ModelRegistry
from workers.models.source import CallSite

RUN = RunContext(run_id="1", org_id="10", space_id="20", workflow_id="30", version="v1", plan_hash="", user_id="40")
SITE = CallSite(RUN, "step", "step", attempt=1, delivery=1)

FILES = {"prices.csv": "茶,price\n龙井,90\n".encode()}


@dataclass
class KeptVariables:
    """Variables in a dictionary, under organisation, space, scope and owner."""

    kept: dict[tuple[str, str, VariableScope, str], dict[str, Json]] = field(default_factory=dict)
    defined: dict[str, list[VariableDefinition]] = field(default_factory=dict)

    async def read(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, names: Sequence[str]
    ) -> dict[str, Json]:
        known = self.kept.get((org_id, space_id, scope, owner), {})
        return {name: known[name] for name in names if name in known}

    async def write(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, values: Mapping[str, Json]
    ) -> None:
        self.kept.setdefault((org_id, space_id, scope, owner), {}).update(values)

    async def definitions(
        self, org_id: str, space_id: str, app_id: str, scope: VariableScope
    ) -> Mapping[str, VariableDefinition]:
        return {one.name: one for one in self.defined.get(app_id, []) if one.scope == scope}


class ExampleSite:
    """The site that examples of node types call: `/ok` says ok, `/echo` gives the body back, the rest are files."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        params: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
        timeout_seconds: float = 60.0,
        max_bytes: int | None = None,
    ) -> HttpReply:
        if url.endswith("/echo"):
            kind = dict(headers)["Content-Type"]
            return HttpReply(200, (("content-type", kind),), content or b"", url)
        if url.startswith("https://weather.example.test/"):
            parts = urlsplit(url)
            city, days = unquote(parts.path.rpartition("/")[2]), parts.query.removeprefix("days=")
            return HttpReply(200, (), f'{{"city":"{city}","days":{days},"sky":"rain"}}'.encode(), url)
        body = FILES.get(url.rpartition("/")[2], b"ok")
        return HttpReply(200, (("content-type", "text/plain"),), body, url)

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        return "multipart/form-data", b""


@dataclass
class NodeWorld:
    """Implements `nodes.context.NodeContext`; `said`, `spent`, `warned` and `logged` hold what the node told."""

    settings: Mapping[str, Json] = field(default_factory=dict)
    output_schema: Mapping[str, Json] | None = None
    http: Http = field(default_factory=ExampleSite)
    models: Models = field(default_factory=lambda: ModelRegistry().at(SITE))
    sandbox: Sandbox = field(default_factory=OpenJail)
    variables: KeptVariables = field(default_factory=KeptVariables)
    knowledge: KeptKnowledge = field(default_factory=KeptKnowledge)
    plugins: KeptPlugins = field(default_factory=KeptPlugins)
    tables: ExampleTables = field(default_factory=ExampleTables)
    conversations: SqlConversations = field(default_factory=lambda: SqlConversations(MemoryDatabase()))
    run: RunContext = RUN
    path: str = "step"
    attempt: int = 1
    idempotency_key: str = "1/step"
    said: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    spent: dict[str, int] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    left_by: str | None = None
    turns: Sequence[Json] = ()
    tools: ToolsCalled | None = None
    noted: dict[str, Json] = field(default_factory=dict)
    asked: str | None = None

    async def emit(self, text: str) -> None:
        self.said.append(text)

    async def think(self, text: str) -> bool:
        self.thought.append(text)
        return False

    def spend(self, **usage: int) -> None:
        for name, amount in usage.items():
            self.spent[name] = self.spent.get(name, 0) + amount

    def warn(self, message: str) -> None:
        self.warned.append(message)

    def log(self, *lines: str) -> None:
        self.logged += lines

    def call_tools(self, said: Json, calls: Sequence[ToolUse], *, told: bool = False) -> None:
        self.tools = ToolsCalled(said, tuple(calls), told)

    def note(self, name: str, value: Json) -> None:
        self.noted[name] = value

    def leave_by(self, port: str) -> None:
        self.left_by = port

    def ask(self, question: str) -> None:
        self.asked = question
