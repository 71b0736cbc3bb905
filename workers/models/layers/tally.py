"""What a call has used: what the server tells, or else an estimate from the texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from engine.json_text import write_json
from nodes.chat import INPUT, OUTPUT, TOTAL, ChatDelta, ChatRequest
from storage.ports import BEGUN
from workers.models.accounts import Used

_WIDE: Final = re.compile(r"[⺀-鿿가-힯豈-﫿＀-￯]")
_NARROW: Final = 4
"""Characters of a token, where each of Chinese, Japanese and Korean is about one by itself."""


def estimate(texts: Iterable[str]) -> int:
    """About how many tokens the texts are."""
    wide = narrow = 0
    for text in texts:
        those = len(_WIDE.findall(text))
        wide += those
        narrow += len(text) - those
    return wide + -(-narrow // _NARROW)


class Tally:
    """Listens to one answer."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._told: Mapping[str, int] = {}
        self._heard: list[str] = []

    def hear(self, delta: ChatDelta) -> None:
        """Take a piece into account."""
        self._told = delta.usage or self._told
        self._heard += [piece for piece in (delta.text, delta.reasoning) if piece]
        self._heard += [call.name + write_json(dict(call.arguments)) for call in delta.tool_calls]

    def used(self, outcome: str) -> Used:
        """The tokens. A call that failed before anything came has cost nothing, unless the server says so."""
        if self._told:
            return Used(self._told)
        if outcome not in ("ok", "cancelled", BEGUN) and not self._heard:
            return Used()
        given, answered = estimate(_texts(self._request)), estimate(self._heard)
        return Used({INPUT: given, OUTPUT: answered, TOTAL: given + answered}, estimated=True)


def _texts(request: ChatRequest) -> Iterable[str]:
    for message in request.messages:
        yield message.text
        for call in message.tool_calls:
            yield write_json(dict(call.arguments))
    for tool in request.tools:
        yield tool.description + write_json(dict(tool.parameters))
