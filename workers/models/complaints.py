"""What a provider complains about, as an error that knows whether trying again may help, and never tells the key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from engine.errors import FlowError, NodeFailed, NodeUnavailable
from engine.values import Json
from nodes.tools.http_reply import retry_after
from workers.models.provider import ChatProvider

LONGEST: Final = 500
FINAL_KINDS: Final = (
    "invalid",
    "auth",
    "permission",
    "context_length",
    "content_filter",
    "not_found",
    "unsupported",
    "quota",
    "balance",
)
"""Words in the kind of an error, told within a stream, that say that trying again will not help."""


def sentence_of(body: object) -> str:
    """The provider's own sentence in the body of an error, wherever it keeps it."""
    match body:
        case str():
            return body.strip()
        case (
            {"message": str(message)}
            | {"error": {"message": str(message)}}
            | {"error": str(message)}
            | {"detail": str(message)}
        ):
            return message.strip()
        case {"detail": [{"msg": str(message)}, *_]}:
            return message.strip()
        case _:
            return ""


def from_status(provider: ChatProvider, model: str, status: int, body: object, headers: Mapping[str, str]) -> FlowError:
    """The finding behind a status of 400 and above."""
    facts: dict[str, Json] = {"status": status, "model": model}
    said = _shown(provider, sentence_of(body))
    sentence = f"The provider of the model {model} answered with the status {status}" + (f": {said}" if said else ".")
    if status != 429 and status < 500:
        return NodeFailed(sentence, **facts)
    if (seconds := _retry_after(headers)) is not None:
        facts["retry_after"] = seconds
    return NodeUnavailable(sentence, **facts)


def within_stream(provider: ChatProvider, model: str, error: object) -> FlowError:
    """The finding behind an error that came as a piece of the answer."""
    told = cast("Mapping[str, Any]", error) if isinstance(error, dict) else {"message": str(error)}
    said = _shown(provider, sentence_of(told)) or "it does not say why."
    sentence = f"The provider of the model {model} broke its answer off: {said}"
    code = told.get("code")
    if isinstance(code, int) and 400 <= code < 500 and code != 429:
        return NodeFailed(sentence, model=model)
    kind = f"{told.get('type')} {code}".lower()
    if "rate_limit" not in kind and any(word in kind for word in FINAL_KINDS):
        return NodeFailed(sentence, model=model)
    return NodeUnavailable(sentence, model=model)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    exact = headers.get("retry-after-ms", "")
    if exact.isascii() and exact.isdecimal() and len(exact) <= 12:
        return int(exact) / 1000
    return retry_after(headers.get("retry-after", ""), datetime.now(UTC))


def _shown(provider: ChatProvider, text: str) -> str:
    text = provider.hide(" ".join(text.split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
