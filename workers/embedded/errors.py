"""Why an embedded Temporal server cannot run, in words that tell what to do about it."""

from __future__ import annotations

from engine.errors import FlowError


class EmbeddedTemporalError(FlowError):
    """The root of what can go wrong with the embedded server."""

    code = "embedded_temporal"


class BinaryMissing(EmbeddedTemporalError):
    """There is no `temporal` program to start."""

    code = "temporal_binary_missing"


class PortTaken(EmbeddedTemporalError):
    """Another process listens where the server should; the facts `port` and `purpose` say which port it is."""

    code = "port_taken"


class DataFolderInUse(EmbeddedTemporalError):
    """Another process runs a server on this data folder; the fact `pid` names it."""

    code = "data_folder_in_use"


class ServerFailed(EmbeddedTemporalError):
    """The server ended, or did not answer in time; the fact `log` is the end of what it wrote."""

    code = "temporal_failed"
