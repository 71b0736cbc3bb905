"""What a server of OpenAI's protocol complains about: the reason behind a status, a code and a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from nodes.chat import ModelFailed, ModelUnavailable, Reason
from workers.models.findings import answered, finding
from workers.models.provider import ModelConnection
from workers.models.waiting import wait_of

Finding = ModelFailed | ModelUnavailable

_WORDS: Final[tuple[tuple[Reason, re.Pattern[str]], ...]] = (
    (
        "content_filter",
        re.compile(
            r"content_filter|content_policy|content management policy|responsibleaipolicy|data_?inspection_?failed"
            r"|sensitivecontent|sensitive content|content exists risk|inappropriate content|safety system"
            r"|敏感|内容安全|不合规|违规|不安全内容"
        ),
    ),
    (
        "context_length",
        re.compile(
            r"context_length|exceed_context_size|context (?:length|window|size|limit)|prompt is too long"
            r"|too many (?:input )?tokens|range of input length|input (?:is too long|length)|exceed max message tokens"
            r"|input token count|maximum (?:number of tokens allowed|prompt length|model length)"
            r"|上下文.{0,12}(?:超|过长|限制)|(?:输入|提示词|消息).{0,12}(?:过长|太长)|超[出过].{0,12}(?:最大长度|上下文|token)"
        ),
    ),
    (
        "quota",
        re.compile(
            r"insufficient_quota|insufficient[ _](?:balance|credits?|funds)|arrearage|accountoverdue|overdue"
            r"|freetieronly|free tier of the model|billing_hard_limit|credit balance|exceeded your current quota"
            r"|setlimitexceeded|quotaexceeded|not in good standing|余额不足|欠费|额度.{0,6}(?:用完|耗尽|不足)"
        ),
    ),
    (
        "auth",
        re.compile(
            r"invalid_?api_?key|incorrect api key|invalid api key|authentication_?error|unauthorized"
            r"|密钥.{0,6}(?:无效|错误)"
        ),
    ),
    (
        "not_found",
        re.compile(
            r"model_not_found|modelnotopen|model_not_exist|model.{0,120}(?:does not exist|not exist|not found)"
            r"|deploymentnotfound|no such model|模型.{0,40}不存在"
        ),
    ),
    (
        "unsupported",
        re.compile(
            r"(?:does|do) not support|not supported|unsupported|only supported by|requires --jinja"
            r"|is not a multimodal model|不支持"
        ),
    ),
)
"""What providers say, in the order in which it is listened to; a code, a type and the sentence together, in small
letters. A provider's own words know better than its status: DashScope and DeepSeek answer 400 to most things."""

_STATUS: Final[Mapping[int, Reason]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    405: "not_found",
    408: "timeout",
    409: "overloaded",
    413: "context_length",
    415: "unsupported",
    425: "overloaded",
    429: "rate_limited",
    501: "unsupported",
    504: "timeout",
}
_BUSY: Final = re.compile(r"rate.?limit|throttling|too many requests|limit_requests|限流|请求过于频繁|频率")
_TOKENS_A_MINUTE: Final = frozenset({"qwen"})
"""Providers that say insufficient_quota with a 429 when too many tokens came within a minute."""


def sentence_of(body: object) -> str:
    """The provider's own sentence in the body of an error, wherever it keeps it."""
    match body:
        case str():
            return body.strip()
        case {"message": dict() | list() as inner} | {"error": dict() | list() as inner} | {"detail": dict() as inner}:
            return sentence_of(inner)
        case (
            {"message": str(message)}
            | {"error": str(message)}
            | {"detail": str(message)}
            | {"error_msg": str(message)}
            | {"msg": str(message), "code": _}
        ):
            return message.strip()
        case {"detail": [{"loc": [*place], "msg": str(message)}, *_]}:
            return f"{'.'.join(str(part) for part in place)}: {message.strip()}"
        case {"detail": [{"msg": str(message)}, *_]} | {"errors": [{"message": str(message)}, *_]}:
            return message.strip()
        case [first, *_]:
            return sentence_of(first)
        case _:
            return ""


def from_status(connection: ModelConnection, status: int, body: object, headers: Mapping[str, str]) -> Finding:
    """The finding behind a status of 300 and above; names of `headers` in lower case."""
    said = sentence_of(body)
    reason = reason_of(connection, status, _kind(body), said)
    wait = wait_of(headers, said) if reason in ("rate_limited", "overloaded") else None
    return answered(connection, reason, status, said, wait)


def within_stream(connection: ModelConnection, error: object) -> Finding:
    """The finding behind an error that came as a piece of the answer."""
    told: Mapping[str, Any] = cast("Mapping[str, Any]", error) if isinstance(error, dict) else {"message": str(error)}
    said = sentence_of(told)
    given = [told.get(name) for name in ("code", "status", "http_code", "status_code")]
    status = next((code for one in given if (code := _number(one)) is not None and 300 <= code < 600), None)
    reason = reason_of(connection, status, _kind(told), said)
    return finding(
        connection,
        reason,
        f"The provider of the model {connection.vendor_model} broke its answer off: {said or 'it does not say why.'}",
    )


def reason_of(connection: ModelConnection, status: int | None, kind: str, said: str) -> Reason:
    """What is behind a status (None: within a stream), the words of its kind, and its sentence."""
    words = f"{kind} {said}".lower()
    for reason, pattern in _WORDS:
        if pattern.search(words) and _may_mean(connection, reason, status, kind.lower(), words):
            return reason
    if _BUSY.search(words) and status in (None, 400, 403, 429, 503):
        return "rate_limited"
    if status is None:
        # What breaks off within an answer and does not say that it is our doing was well under way.
        return "bad_request" if re.search(r"invalid|badrequest|bad_request", kind.lower()) else "overloaded"
    return _STATUS.get(status) or ("overloaded" if status >= 500 else "not_found" if status < 400 else "bad_request")


def _may_mean(connection: ModelConnection, reason: Reason, status: int | None, kind: str, words: str) -> bool:
    """Whether words that sound like this reason mean it, beside this status."""
    if status == 429:
        throttled = connection.provider in _TOKENS_A_MINUTE or "ratelimit" in kind.replace("_", "")
        return reason == "quota" and not throttled
    if status in (401, 402, 404):
        # These say it themselves; only that an account has nothing left stands behind more than one.
        return reason == "quota" or _STATUS[status] == reason
    if status is not None and status >= 500:
        # Servers that break say all kinds of things. These two llama.cpp says with a 500 and means.
        lacks = status == 501 or "input is not supported" in words or "--jinja" in words
        return reason == "context_length" or (reason == "unsupported" and lacks)
    if reason == "auth":
        return status in (None, 400, 403, 422)
    return True


def _kind(body: object) -> str:
    """The words of an error's kind: its code, its type and the inner code that Azure gives."""
    told: Mapping[str, Any] = cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}
    inner = told.get("error")
    if isinstance(inner, dict):
        told = cast("Mapping[str, Any]", inner)
    deeper = told.get("innererror")
    codes = [told.get("code"), told.get("type"), deeper.get("code") if isinstance(deeper, dict) else None]
    return " ".join(code for code in codes if isinstance(code, str))


def _number(code: object) -> int | None:
    if isinstance(code, str) and code.isascii() and code.isdecimal() and len(code) <= 3:
        return int(code)
    return code if isinstance(code, int) else None
