"""What the command line has to complain about, beside the errors of the parts it puts together."""

from __future__ import annotations

from engine.errors import FlowError


class CommandFailed(FlowError):
    """A command cannot do what it was asked to; the sentence says why, and what would help."""

    code = "command_failed"


class FolderBusy(CommandFailed):
    """Another process runs a Temporal server on the data folder."""
