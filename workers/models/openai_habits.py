"""What a server of OpenAI's protocol does not take, learnt from its refusals: models differ, and change."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

MOST: Final = 8
"""Refusals that are answered for one question."""
EXTRAS: Final = (
    "stream_options", "reasoning_effort", "enable_thinking", "thinking_budget", "thinking", "think",
    "chat_template_kwargs", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed", "stop",
)  # fmt: skip
"""What an answer can be had without."""
NAMED: Final[Mapping[str, str]] = {
    "stream_options": r"stream_options|include_usage",
    "reasoning_effort": r"reasoning_effort|reasoning effort|think value",
    "think": r"think|thinking",
}
"""How refusals name an extra, where it is not by its own name."""
LIMITS: Final = ("max_tokens", "max_completion_tokens")
FORMATS: Final = ("json_schema", "json_object")
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh")

_REFUSED: Final = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|not available|not accept"
    r"|only .{1,12} is allowed|extra (?:inputs|fields)|can ?not (?:both )?be (?:set|used|specified)|不支持|未知"
)
_QUOTED: Final = re.compile(r"['\"`](\w+)['\"`]")


class OpenAIHabits:
    """What one model behind one server has refused so far, each by a sentence that names it."""

    def __init__(self, formats: Collection[str] = FORMATS) -> None:
        """`formats` are those known from the start."""
        self._without: set[str] = set()
        self._formats = {name for name in FORMATS if name not in formats}
        self._renamed: dict[str, str] = {}
        self._efforts: dict[str, str] = {}

    def fitting(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request with the extras that this server takes, under the names it knows."""
        made = {self._renamed.get(name, name): value for name, value in body.items() if name not in self._without}
        if "reasoning_effort" in made:
            made["reasoning_effort"] = self._efforts.get(made["reasoning_effort"], made["reasoning_effort"])
        if asked := made.get("response_format"):
            # Any object is less than one that fits, and words in the prompt ask for it too.
            wanted = FORMATS[FORMATS.index(asked["type"]) :]
            if kinds := [kind for kind in wanted if kind not in self._formats]:
                made["response_format"] = asked if kinds[0] == asked["type"] else {"type": kinds[0]}
            else:
                del made["response_format"]
        return made

    def learn(self, body: dict[str, Any], asked: Mapping[str, Any], sentence: str, param: str = "") -> bool:
        """Whether the server refused something that we can do without, or under another name.

        `body` is what we want, `asked` is what was sent of it, and `param` what the error names beside its sentence.
        """
        said = sentence.lower()
        if self._learn_format(body, asked, said):
            return True
        if not _REFUSED.search(said):
            # It is taken, and its value is wrong: that is for the caller to know.
            return False
        if self._learn_limit(asked, said) or self._learn_effort(asked, said):
            return True
        for name in EXTRAS:
            named = re.search(rf"(?<!\w)(?:{NAMED.get(name, name)})(?!\w)", said)
            if name in asked and (param == name or named):
                self._without.add(name)
                return True
        return False

    def _learn_format(self, body: dict[str, Any], asked: Mapping[str, Any], said: str) -> bool:
        form = asked.get("response_format")
        if not form or not re.search(r"response_?format|response format|json_schema|json_object|json mode", said):
            return False
        if form["type"] == "json_schema" and re.search(r"invalid.{0,20}schema", said):
            # This schema is at fault, not the format.
            body["response_format"] = {"type": "json_object"}
        else:
            # Another answer may have taught it meanwhile: only what was asked here is crossed out.
            self._formats.add(form["type"])
        return True

    def _learn_limit(self, asked: Mapping[str, Any], said: str) -> bool:
        for name, other in (LIMITS, LIMITS[::-1]):
            if name in asked and "max_completion_tokens" in said and not self._renamed:
                self._renamed[name] = other
                return True
        return False

    def _learn_effort(self, asked: Mapping[str, Any], said: str) -> bool:
        """OpenAI's models know different efforts, and a refusal lists them: the nearest one is taken."""
        effort = asked.get("reasoning_effort")
        words = _QUOTED.findall(said)
        if effort is None or effort not in words:
            return False
        known = [word for word in words if word in EFFORTS and word != effort and word not in self._efforts]
        if not known:
            return False
        place = EFFORTS.index(effort)
        nearest = min(known, key=lambda word: abs(EFFORTS.index(word) - place))
        self._efforts = {old: nearest if new == effort else new for old, new in self._efforts.items()}
        self._efforts[effort] = nearest
        return True
