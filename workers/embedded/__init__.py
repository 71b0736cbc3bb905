"""The embedded Temporal server: a supervised child process with a file database, for machines that have no cluster."""

from workers.embedded.errors import BinaryMissing, DataFolderInUse, EmbeddedTemporalError, PortTaken, ServerFailed
from workers.embedded.options import EmbeddedOptions, SearchAttributeType
from workers.embedded.server import EmbeddedTemporal, Restart

__all__ = [
    "BinaryMissing",
    "DataFolderInUse",
    "EmbeddedOptions",
    "EmbeddedTemporal",
    "EmbeddedTemporalError",
    "PortTaken",
    "Restart",
    "SearchAttributeType",
    "ServerFailed",
]
