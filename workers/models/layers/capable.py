"""What a model cannot do is said before it is asked: a provider's own complaint would be a riddle."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Final

from conf.catalogue import Capabilities
from nodes.chat import ChatDelta, ChatModel, ChatRequest, MediaKind, MediaPart, ModelFailed
from workers.models.layers.streaming import streaming

_MEDIA: Final[Mapping[MediaKind, str]] = {"image": "images", "audio": "audio", "video": "video", "file": "files"}


class Capable:
    """Implements `ChatModel`. A JSON schema may always be wished for: it is kept to as well as the model can."""

    def __init__(self, inner: ChatModel, name: str, capabilities: Capabilities) -> None:
        self._inner = inner
        self._name = name
        self._capabilities = capabilities

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`. Raises `ModelFailed` with the reason `unsupported`."""
        for what in _needed(request):
            if not getattr(self._capabilities, what):
                raise ModelFailed(
                    f"The model {self._name} does not take {what}.",
                    reason="unsupported",
                    model=self._name,
                    capability=what,
                )
        async with streaming(self._inner, request) as deltas:
            async for delta in deltas:
                yield delta


def _needed(request: ChatRequest) -> Iterator[str]:
    if request.tools:
        yield "tools"
    for message in request.messages:
        if not isinstance(message.content, str):
            yield from (_MEDIA[part.kind] for part in message.content if isinstance(part, MediaPart))
