"""What a model is reached with, as one text for the vault: its key, and headers that may be as secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import EngineError
from storage import encoding


@dataclass(frozen=True, slots=True)
class ModelSecret:
    """A key and headers; never shown, not even by `repr`."""

    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.api_key or self.headers)

    def to_text(self) -> str:
        """What `parse` reads."""
        return encoding.dump({"api_key": self.api_key, "headers": {**self.headers}})

    @classmethod
    def parse(cls, text: str) -> ModelSecret:
        """The secret of a text that `to_text` made."""
        match encoding.load(text):
            case {"api_key": str(api_key), "headers": dict(headers)}:
                return cls(api_key, headers)
        raise EngineError("The secret of a model is not what this version of Mainspring writes.")
