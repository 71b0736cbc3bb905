"""What providers of OpenAI's protocol say when they refuse, and what is behind it."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.chat import ModelFailed, ModelUnavailable
from workers.models.complaints import from_status, sentence_of, within_stream
from workers.models.provider import ModelConnection, ProviderName


def behind(provider: ProviderName, status: int, body: object, **headers: str) -> ModelFailed | ModelUnavailable:
    return from_status(ModelConnection(provider, "m"), status, body, headers)


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"message": message, **more}


@pytest.mark.parametrize(
    ("provider", "status", "body", "reason"),
    [
        # OpenAI and Azure
        ("openai", 401, error("Incorrect API key provided.", code="invalid_api_key"), "auth"),
        ("openai", 403, error("Country, region, or territory not supported"), "unsupported"),
        ("openai", 404, error("The model `gpt-9` does not exist", code="model_not_found"), "not_found"),
        (
            "openai",
            400,
            error("This model's maximum context length is 8192 tokens.", code="context_length_exceeded"),
            "context_length",
        ),
        ("openai", 400, error("Invalid value for 'temperature'.", type="invalid_request_error"), "bad_request"),
        ("openai", 429, error("You exceeded your current quota.", code="insufficient_quota"), "quota"),
        ("openai", 429, error("Rate limit reached for gpt-4.1.", code="rate_limit_exceeded"), "rate_limited"),
        ("openai", 500, error("The server had an error."), "overloaded"),
        ("openai", 503, error("Engine is currently overloaded."), "overloaded"),
        ("openai", 504, "", "timeout"),
        (
            "azure",
            400,
            error(
                "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
                code="content_filter",
                innererror={"code": "ResponsibleAIPolicyViolation"},
            ),
            "content_filter",
        ),
        ("azure", 404, error("The API deployment does not exist.", code="DeploymentNotFound"), "not_found"),
        # Qwen
        ("qwen", 400, error("Range of input length should be [1, 129024]"), "context_length"),
        (
            "qwen",
            400,
            error("Input data may contain inappropriate content.", code="data_inspection_failed"),
            "content_filter",
        ),
        ("qwen", 400, error("Access denied, your account is not in good standing.", code="Arrearage"), "quota"),
        (
            "qwen",
            403,
            error("The free tier of the model has been exhausted.", code="AllocationQuota.FreeTierOnly"),
            "quota",
        ),
        ("qwen", 429, error("You exceeded your current quota.", code="insufficient_quota"), "rate_limited"),
        ("qwen", 429, error("Requests rate limit exceeded", code="limit_requests"), "rate_limited"),
        ("qwen", 404, error("The model `qwen-9` does not exist or you do not have access to it."), "not_found"),
        ("qwen", 400, error("模型不支持该参数"), "unsupported"),
        # DeepSeek
        ("deepseek", 402, error("Insufficient Balance"), "quota"),
        ("deepseek", 400, error("Content Exists Risk"), "content_filter"),
        ("deepseek", 400, error("Model Not Exist"), "not_found"),
        ("deepseek", 401, error("Authentication Fails (no such user)", type="authentication_error"), "auth"),
        # Ark
        ("ark", 404, error("Your account has not activated the model.", code="ModelNotOpen"), "not_found"),
        ("ark", 403, error("The account has an overdue balance.", code="AccountOverdueError"), "quota"),
        ("ark", 429, error("The inference limit is reached.", code="SetLimitExceeded"), "quota"),
        ("ark", 429, error("TPM limit exceeded.", code="RateLimitExceeded.EndpointTPMExceeded"), "rate_limited"),
        ("ark", 400, error("请求输入内容可能包含敏感信息", code="InputTextSensitiveContentDetected"), "content_filter"),
        ("ark", 400, error("Total tokens of image and text exceed max message tokens"), "context_length"),
        # served by oneself
        ("ollama", 404, error("model 'llama9' not found"), "not_found"),
        ("ollama", 400, error("registry.ollama.ai/library/phi does not support tools"), "unsupported"),
        (
            "openai_compatible",
            400,
            error("the request exceeds the available context size", type="exceed_context_size_error"),
            "context_length",
        ),
        ("openai_compatible", 500, error("the request exceeds the available context size"), "context_length"),
        ("openai_compatible", 500, error("image input is not supported - hint: provide the mmproj"), "unsupported"),
        ("openai_compatible", 500, error("tools param requires --jinja flag"), "unsupported"),
        ("openai_compatible", 500, error("CUDA error: not supported"), "overloaded"),
        ("openai_compatible", 400, error("输入内容过长，超出模型上下文限制"), "context_length"),
        ("openai_compatible", 403, error("账户余额不足，请充值"), "quota"),
        ("openai_compatible", 401, error("API 密钥无效"), "auth"),
        ("openai_compatible", 400, error("模型 foo 不存在"), "not_found"),
        ("openai_compatible", 301, "", "not_found"),
        ("openai_compatible", 413, "", "context_length"),
        ("openai_compatible", 408, "", "timeout"),
        ("openai_compatible", 418, "", "bad_request"),
        ("openai_compatible", 529, "", "overloaded"),
    ],
)
def test_the_reason_is_told_from_status_code_and_words(
    provider: ProviderName, status: int, body: object, reason: str
) -> None:
    found = behind(provider, status, body)
    assert (found.facts["reason"], found.facts["status"], found.facts["model"]) == (reason, status, "m")
    passing = reason in ("rate_limited", "overloaded", "timeout")
    assert isinstance(found, ModelUnavailable if passing else ModelFailed)
    assert sentence_of(body) in found.message


@pytest.mark.parametrize(
    "body",
    [
        "No.",
        {"message": " No. "},
        {"error": {"message": "No."}},
        {"error": "No."},
        {"detail": "No."},
        {"detail": [{"msg": "No."}]},
        {"detail": {"error": {"message": "No."}}},
        {"message": {"detail": [{"msg": "No."}]}},
        {"error_msg": "No.", "error_code": 17},
        {"code": 17, "msg": "No."},
        {"errors": [{"message": "No."}]},
        [{"error": {"message": "No."}}],
    ],
)
def test_the_providers_sentence_is_found_wherever_it_stands(body: object) -> None:
    assert sentence_of(body) == "No."


@pytest.mark.parametrize("body", [None, 7, {}, [], {"message": 7}, {"error": None}])
def test_no_sentence_is_none(body: object) -> None:
    assert sentence_of(body) == ""


def test_a_long_sentence_is_shortened_and_a_key_in_it_hidden_in_any_case() -> None:
    connection = ModelConnection("openai", "m", api_key="sk-Canary-1", options={"headers": {"x-key": "another-canary"}})
    found = from_status(connection, 400, error("Sk-cAnary-1 another-canary " + "x" * 5000), {})
    assert "canary" not in found.message.lower()
    assert len(found.message) < 700


def test_what_a_terminal_would_obey_is_taken_out_of_a_sentence() -> None:
    found = from_status(ModelConnection("openai", "m"), 400, error("one\r\ntwo\x1b[31m\x00\x9b2J \u202eeerht 三"), {})
    assert found.message.endswith(": one two [31m 2J eerht 三")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"message": "Overloaded.", "code": 503}, "overloaded"),
        ({"message": "Slow down.", "code": "rate_limit_exceeded"}, "rate_limited"),
        ({"message": "Slow down.", "code": "429"}, "rate_limited"),
        ({"message": "It is what it is."}, "overloaded"),
        ("It broke.", "overloaded"),
        ({"message": "No.", "type": "invalid_request_error"}, "bad_request"),
        ({"message": "No.", "type": "BadRequestError", "code": 400}, "bad_request"),
        ({"message": "The model is gone.", "code": "model_not_found"}, "not_found"),
        ({"message": "balance", "code": "insufficient_quota"}, "quota"),
        ({"message": "No.", "code": "content_filter"}, "content_filter"),
        ({}, "overloaded"),
    ],
)
def test_an_error_within_an_answer_has_its_reason_too(told: object, reason: str) -> None:
    found = within_stream(ModelConnection("openai", "m"), told)
    assert found.facts["reason"] == reason
    assert found.message.startswith("The provider of the model m broke its answer off: ")


def test_only_who_is_busy_says_when_to_come_back() -> None:
    assert behind("openai", 429, error("Slow."), **{"retry-after": "7"}).facts["retry_after"] == 7
    assert behind("openai", 503, error("Slow."), **{"retry-after-ms": "250"}).facts["retry_after"] == 0.25
    assert behind("openai", 429, error("Try again in 1m2.5s.")).facts["retry_after"] == 62.5
    spent = behind("openai", 429, error("x", code="insufficient_quota"), **{"retry-after": "7"})
    assert "retry_after" not in spent.facts
