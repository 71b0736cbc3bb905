"""The headers that a connection adds to its calls, as far as they are its own to set."""

from __future__ import annotations

from typing import Final

from nodes.chat import ModelFailed
from workers.models.provider import ModelConnection

_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
)


def own_headers(connection: ModelConnection) -> dict[str, str]:
    """The further headers, names in lower case. Raises `ModelFailed` where one of them, or the key, cannot be sent."""
    given = {name.lower().strip(): value.strip() for name, value in connection.headers.items()}
    for name, value in {"api_key": connection.api_key.strip(), **given}.items():
        if not (value.isascii() and value.isprintable() and name.isascii() and name.isprintable()):
            raise ModelFailed(
                f"The {name[:50]!r} of the model {connection.vendor_model} holds characters that cannot be sent.",
                reason="auth",
                model=connection.vendor_model,
            )
    return {name: value for name, value in given.items() if name not in _OURS}
