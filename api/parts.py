"""What the application is put together from; whoever starts the process makes these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from api.accounts.passwords import Passwords
from engine.limits import DEFAULT_LIMITS, Limits
from nodes.documents import FileReader
from nodes.library import Library
from nodes.probe import ModelProbe
from nodes.tool_trial import ToolTrial
from storage.stores import Stores
from workers.client import RunsClient

Check = Callable[[], Awaitable[object]]
"""Says by an error that something is not ready."""


@dataclass(frozen=True)
class ApiParts:
    """The stores, the node types, and the way to the workers.

    Without `runs` only runs that can be walked in place are served. `temporal_ui` is the address of Temporal's own
    interface, with its namespace: `http://127.0.0.1:8233/namespaces/default`.
    """

    stores: Stores
    library: Library
    runs: RunsClient | None = None
    limits: Limits = DEFAULT_LIMITS
    temporal_ui: str = ""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """What must be there before this process may be sent requests, besides the database."""
    tools: ToolTrial | None = None
    """Calls tools of plugins on trial."""
    passwords: Passwords = field(default_factory=Passwords)
    """Hashes passwords, with the parameters it was made with."""
    probe: ModelProbe | None = None
    """Tries models that are about to be saved; without it they are saved untried."""
    files: FileReader | None = None
    """Reads files for knowledge bases; without it only texts are taken."""
