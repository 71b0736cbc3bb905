"""How runs ended, as the open API says it: texts of JSON, numbers of errors, tokens."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.requests import Request

from engine.error_numbers import number_of

_TEXT: Final = {"content_type": 1, "type_for_model": 2}
"""Beside the text of an end that answers with one."""


def json_text(value: Any) -> str:
    """A value as JSON in a text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def data_of(answer: str | None, output: Any) -> str:
    """What a synchronous run hands back: the wrapped text of an end that answers, or its variables."""
    return json_text(output) if answer is None else json_text({**_TEXT, "data": answer})


def content_of(answer: str | None, output: Any) -> str:
    """What the message of the end says."""
    return json_text(output) if answer is None else answer


def usage_of(input_tokens: int, output_tokens: int) -> dict[str, int]:
    """Tokens, as the SDK reads them."""
    return {"token_count": input_tokens + output_tokens, "output_count": output_tokens, "input_count": input_tokens}


def failure_of(state: str, error: Any) -> tuple[int, str]:
    """Number and sentence of a run that did not end well."""
    if state == "cancelled":
        return number_of("cancelled", {}), "The run was cancelled."
    known = error if isinstance(error, dict) else {}
    facts = known.get("facts")
    number = number_of(str(known.get("code", "")), facts if isinstance(facts, dict) else {})
    return number, str(known.get("message") or "The run has failed.")


def debug_url(request: Request, run_id: int | str) -> str:
    """Where an operator finds the run: its address in our own API."""
    return f"{str(request.base_url).rstrip('/')}/api/v1/runs/{run_id}"
