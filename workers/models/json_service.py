"""A provider's endpoint that takes JSON and gives JSON in one answer: for all that does not stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

from engine.errors import FlowError
from nodes.chat import ModelUnavailable
from workers.egress import EgressClient, EgressUnavailable
from workers.models.complaints import from_status
from workers.models.provider import ModelConnection

_LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""A hundred vectors of some thousand numbers, written out."""


class JsonService:
    """One model's endpoint. The key goes where the provider wants it, and nowhere else."""

    def __init__(self, connection: ModelConnection, egress: EgressClient, *, base_url: str) -> None:
        self._connection = connection
        self._egress = egress
        self._base_url = (connection.base_url or base_url).rstrip("/")

    def deployment(self, action: str) -> str:
        """Azure's path of an action; elsewhere the action itself."""
        if self._connection.provider != "azure":
            return f"/{action}"
        name = quote(self._connection.option("deployment") or self._connection.vendor_model, safe="")
        return (
            f"/openai/deployments/{name}/{action}?api-version={quote(self._connection.option('api_version'), safe='')}"
        )

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask. Raises `ModelFailed` and `ModelUnavailable`, and what the egress guard refuses."""
        model = self._connection.vendor_model
        try:
            answer = await self._egress.request(
                "POST",
                self._base_url + path,
                headers={"content-type": "application/json", "accept": "application/json", **self._keys()},
                content=orjson.dumps(body),
                timeout_seconds=self._connection.first_token_seconds,
                max_bytes=_LARGEST_ANSWER,
                follow_redirects=False,
            )
        except EgressUnavailable as error:
            raise ModelUnavailable(error.message, **{**error.facts, "reason": "connection", "model": model}) from error
        if answer.status >= 300:
            raise self._complaint(answer.status, answer.body, dict(answer.headers))
        try:
            return orjson.loads(answer.body)
        except ValueError as error:
            raise self.malformed("is no JSON") from error

    def malformed(self, what: str) -> ModelUnavailable:
        """The answer is not what the protocol says; `what` goes on the sentence that begins with it."""
        model = self._connection.vendor_model
        return ModelUnavailable(f"The answer of the model {model} {what}.", reason="malformed", model=model)

    def _complaint(self, status: int, body: bytes, headers: Mapping[str, str]) -> FlowError:
        try:
            said: object = json.loads(body)
        except ValueError:
            said = body.decode(errors="replace")
        return from_status(self._connection, status, said, headers)

    def _keys(self) -> dict[str, str]:
        key, headers = self._connection.api_key, dict(self._connection.headers)
        if not key:
            return headers
        return headers | (
            {"api-key": key} if self._connection.provider == "azure" else {"authorization": f"Bearer {key}"}
        )
