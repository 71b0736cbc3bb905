"""Where a chat model is reached, and how patient we are with it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ChatProvider:
    """A server that speaks OpenAI's chat protocol: OpenAI itself, or what stands in for it at `base_url` (`…/v1`).

    `model` answers to the name `default`; `models` are further ones of the same server. A server that wants no key gets
    none.
    """

    base_url: str
    model: str
    api_key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()
    first_token_seconds: float = 120.0
    """From the request to the first piece of the answer, or of the reasoning."""
    gap_seconds: float = 60.0
    """Between two pieces."""

    def hide(self, text: str) -> str:
        """The text without the key, should a server repeat it."""
        return text.replace(self.api_key, "•••") if self.api_key else text
