"""The errors of a model as its callers know them: by a reason, which says whether trying again may help."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from engine.errors import FlowError
from engine.values import Json
from nodes.chat import ModelFailed, ModelUnavailable, Reason
from workers.egress import EgressFailed, EgressUnavailable, failure_behind
from workers.models.provider import ModelConnection

LONGEST: Final = 500
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would obey, or show the other way round."""
PASSING: Final = frozenset[Reason](("rate_limited", "overloaded", "timeout", "connection", "malformed"))
"""What may be over when it is tried again."""


def finding(
    connection: ModelConnection, reason: Reason, sentence: str, **facts: Json
) -> ModelFailed | ModelUnavailable:
    """The error for a reason. The sentence is shown without the key, and never longer than a few lines."""
    kind = ModelUnavailable if reason in PASSING else ModelFailed
    return kind(shown(connection, sentence), reason=reason, model=connection.vendor_model, **facts)


def answered(
    connection: ModelConnection, reason: Reason, status: int, said: str, wait: float | None = None
) -> ModelFailed | ModelUnavailable:
    """The error behind a status; `said` is the provider's sentence, `wait` how long it wants us to stay away."""
    sentence = f"The provider of the model {connection.vendor_model} answered with the status {status}"
    facts: dict[str, Json] = {"status": status}
    if wait is not None:
        facts["retry_after"] = wait
    return finding(connection, reason, sentence + (f": {said}" if said else "."), **facts)


def broke_off(connection: ModelConnection, error: BaseException, base_url: str) -> FlowError:
    """What the network did to a call; what the guard refused comes as it is."""
    host = _host(base_url)
    match failure_behind(error, host):
        case EgressUnavailable(message=message) | EgressFailed(message=message) as found:
            kind = ModelUnavailable if isinstance(found, EgressUnavailable) else ModelFailed
            return kind(message, reason="connection", model=connection.vendor_model, host=host)
        case None:
            return finding(connection, "connection", f"The connection to {host} broke off.", host=host)
        case refused:
            return refused


def not_whole(connection: ModelConnection) -> ModelFailed | ModelUnavailable:
    """The answer ended before it was at its end."""
    return finding(
        connection, "connection", f"The answer of the model {connection.vendor_model} broke off before its end."
    )


def no_stream(connection: ModelConnection, kind: str) -> ModelFailed | ModelUnavailable:
    """Something else came than an answer of this protocol, and will again."""
    return ModelFailed(
        f"The provider of the model {connection.vendor_model} answered with {kind or 'nothing'} instead of a"
        " stream: its base_url may be wrong.",
        reason="not_found",
        model=connection.vendor_model,
        content_type=kind,
    )


def shown(connection: ModelConnection, text: str) -> str:
    """A text of the provider as it may stand in an error."""
    text = connection.hide(" ".join(_UNSEEN.sub(" ", text).split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "The host"
    except ValueError:
        return "The host"
