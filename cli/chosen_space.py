"""The space in which commands work, as `--space` names it, which goes before the setting."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

CHOSEN_SPACE: Final[ContextVar[str]] = ContextVar("chosen_space", default="")
"""By its id, or its key in the organisation of the token; empty: as the setting says."""
