"""What a node may ask of the world while it runs; the worker hands it in, so a node never knows an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.runtime import RunContext, ToolUse
from engine.values import Json
from nodes.chat import ChatModel
from nodes.ranking import Embedder, Reranker
from nodes.sandbox import Sandbox
from storage.ports import Variables
from storage.ports.conversations import Conversations
from storage.ports.knowledge import Knowledge
from storage.ports.plugins import Plugins
from storage.ports.tables import UserTables


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer from outside. Header names in lower case, in the order they came; the body already decompressed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in a multipart form."""

    name: str
    filename: str
    content: bytes
    content_type: str = "application/octet-stream"


class Http(Protocol):
    """The one way out: every call passes the guard of the egress client."""

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
    ) -> HttpReply: ...

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        """The content type and the body of a form; a pair is a text field."""
        ...


class Models(Protocol):
    """The models this organisation may use, by the names of its rows and the instance's; `default` is always there.

    Raises `ModelFailed` (reason `not_found`), with the known names, when there is none of that name and kind.
    """

    async def chat(self, name: str) -> ChatModel: ...
    async def takes(self, name: str) -> frozenset[str]:
        """What a chat model takes beside text: `images`, `audio`, `video`, `files`."""
        ...

    async def embedder(self, name: str) -> Embedder: ...
    async def reranker(self, name: str) -> Reranker: ...


class NodeContext(Protocol):
    """Handed to a node beside its inputs. A node may run twice: an outward call carries `idempotency_key`."""

    @property
    def run(self) -> RunContext: ...
    @property
    def path(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def idempotency_key(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Json]:
        """The settings that the compiler put into the plan for this step."""
        ...

    @property
    def output_schema(self) -> Mapping[str, Json] | None:
        """The output declared on the canvas."""
        ...

    @property
    def turns(self) -> Sequence[Json]:
        """What was before, where this is a later turn of a conversation with a model that calls tools.

        Per turn an object: what was `said`, as it was given to `call_tools`, and the `answers`, each with the `id` and
        the `name` of its call, the place of its `tool`, and an `output`, an `error`, or the `text` of a tool that
        answers in the step's place.
        """
        ...

    @property
    def http(self) -> Http: ...
    @property
    def models(self) -> Models: ...
    @property
    def sandbox(self) -> Sandbox: ...
    @property
    def variables(self) -> Variables: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def knowledge(self) -> Knowledge: ...
    @property
    def plugins(self) -> Plugins: ...
    @property
    def tables(self) -> UserTables: ...

    async def emit(self, text: str) -> None:
        """Tell a piece of the streamed output field; readers see it at once."""
        ...

    async def think(self, text: str) -> bool:
        """Tell a piece of what comes before the streamed output, if any message wants it; False when none does."""
        ...

    def spend(self, **usage: int) -> None:
        """Count tokens for this step: input_tokens, output_tokens, total_tokens."""
        ...

    def warn(self, message: str) -> None:
        """Put a warning into the record of this step."""
        ...

    def log(self, *lines: str) -> None:
        """Put what an author's code printed into the record of this step."""
        ...

    def note(self, name: str, value: Json) -> None:
        """Show something more in the record of this step, under its details."""
        ...

    def leave_by(self, port: str) -> None:
        """Leave by this port of the node type, once the function returns."""
        ...

    def call_tools(self, said: Json, calls: Sequence[ToolUse], *, told: bool = False) -> None:
        """Have these tools called instead of giving an output; `told` when pieces of the output were told already."""
        ...

    def ask(self, question: str) -> None:
        """For who reads an answer: it was not all, so ask this too, and let the next answer be read as well."""
        ...
