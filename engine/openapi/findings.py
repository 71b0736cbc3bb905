"""What there is to say about an OpenAPI document: where, what, and whether a tool is lost by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

MOST: Final = 200
"""More findings about one document are counted, not told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing. An error costs a tool, or the document; a warning says what is read otherwise than it stands there."""

    place: str
    """Where in the document: `paths./weather.get.parameters.0`."""
    code: str
    message: str
    severity: Literal["error", "warning"] = "warning"


@dataclass
class Findings:
    """Collects them, each once."""

    told: dict[tuple[str, str], Finding] = field(default_factory=dict[tuple[str, str], Finding])
    untold: int = 0

    def warn(self, place: str, code: str, message: str) -> None:
        """Say what is read otherwise, or not at all."""
        self._add(Finding(place, code, message))

    def error(self, place: str, code: str, message: str) -> None:
        """Say what cannot be used."""
        self._add(Finding(place, code, message, "error"))

    def all(self) -> tuple[Finding, ...]:
        """In the order of the document."""
        if not self.untold:
            return tuple(self.told.values())
        more = Finding("", "more_findings", f"There are {self.untold} more findings like these.")
        return (*self.told.values(), more)

    def _add(self, finding: Finding) -> None:
        if (finding.place, finding.code) in self.told:
            return
        if len(self.told) < MOST:
            self.told[finding.place, finding.code] = finding
        else:
            self.untold += 1


class Unusable(Exception):
    """Something that a tool needs cannot be read: the tool is left out, and this says why."""

    def __init__(self, place: str, code: str, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.code = code
        self.message = message
