"""Pictures, sounds, films and files that a message names by URL: fetched here, through the guard, before a model sees
them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from engine.errors import LimitExceeded, NotFound
from engine.file_names import file_name_of, without_file_name
from nodes.chat import ChatDelta, ChatMessage, ChatModel, ChatRequest, MediaPart, ModelFailed, ModelUnavailable, Part
from nodes.tools.http_reply import without_secrets
from storage.ports.files import OwnFiles
from workers.egress import AnswerTooLarge, EgressClient, EgressResponse
from workers.models.layers.streaming import streaming
from workers.models.media import mime_type_of

LARGEST: Final = 20 * 1024 * 1024
_AT_ONCE: Final = 4
_TOGETHER: Final = 3
"""How many of the largest one request may hold: they are all in memory at a time, and then once more as Base64."""
_SECONDS: Final = 60.0
_UNKNOWN: Final = "application/octet-stream"


class WithMedia:
    """Implements `ChatModel`. With `how` `url` the provider fetches for itself; what is a `data:` URL goes inline."""

    def __init__(
        self,
        inner: ChatModel,
        name: str,
        egress: EgressClient,
        *,
        how: Literal["inline", "url"] = "inline",
        largest: int = LARGEST,
        files: OwnFiles | None = None,
        org_id: str = "",
    ) -> None:
        self._inner = inner
        self._name = name
        self._egress = egress
        self._how = how
        self._largest = largest
        self._files = files
        self._org_id = org_id

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`. What the egress guard refuses comes as it is."""
        messages = await self._fetched(tuple(_plain(message) for message in request.messages))
        async with streaming(self._inner, replace(request, messages=messages)) as deltas:
            async for delta in deltas:
                yield delta

    async def _fetched(self, messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
        """The messages with the bytes of their media. The same URL is fetched once."""
        wanted = {
            part.url: part
            for message in messages
            if not isinstance(message.content, str)
            for part in message.content
            if isinstance(part, MediaPart) and self._to_fetch(part)
        }
        if not wanted:
            return messages
        door = asyncio.Semaphore(_AT_ONCE)
        together = 0

        async def one(part: MediaPart) -> MediaPart:
            nonlocal together
            async with door:
                got = await self._fetch(part)
            together += len(got.data or b"")
            if together > _TOGETHER * self._largest:
                raise self._wrong(
                    f"The media of one request are larger than {_TOGETHER * self._largest} bytes together.",
                    limit=_TOGETHER * self._largest,
                    setting="model_media_bytes",
                )
            return got

        tasks = [asyncio.create_task(one(part)) for part in wanted.values()]
        try:
            got = dict(zip(wanted, await asyncio.gather(*tasks), strict=True))
        finally:
            for task in tasks:
                task.cancel()
        return tuple(
            message
            if isinstance(message.content, str)
            else replace(message, content=tuple(_with_bytes(part, got) for part in message.content))
            for message in messages
        )

    def _to_fetch(self, part: MediaPart) -> bool:
        return part.data is None and (self._how == "inline" or _is_data(part.url) or self._is_own(part.url))

    def _is_own(self, url: str) -> bool:
        """Whether it is a file that was uploaded here: no vendor could fetch it."""
        return self._files is not None and self._files.knows(self._org_id, url)

    async def _fetch(self, part: MediaPart) -> MediaPart:
        if not part.url:
            raise self._wrong(f"The {part.kind} in the message has neither bytes nor a URL.")
        if _is_data(part.url):
            return self._typed(part, *self._decoded(part))
        if self._files is not None and self._is_own(part.url):
            try:
                file = await self._files.read(self._org_id, part.url, max_bytes=self._largest)
            except LimitExceeded:
                raise self._too_large(part) from None
            except NotFound as error:
                raise self._wrong(f"The {part.kind} in the message is not there any more.") from error
            return self._typed(replace(part, name=part.name or file.name), file.data, file.mime_type)
        try:
            reply = await self._egress.request("GET", part.url, timeout_seconds=_SECONDS, max_bytes=self._largest)
        except AnswerTooLarge:
            raise self._too_large(part) from None
        self._check(part, reply)
        said = next((value for name, value in reply.headers if name == "content-type"), "")
        return self._typed(part, reply.body, said)

    def _check(self, part: MediaPart, reply: EgressResponse) -> None:
        if 200 <= reply.status < 300:
            return
        place = without_secrets(part.url)
        sentence = f"The {part.kind} at {place} could not be fetched: it was answered with the status {reply.status}."
        if reply.status == 429 or reply.status >= 500:
            raise ModelUnavailable(sentence, reason="connection", model=self._name, url=place, status=reply.status)
        raise self._wrong(sentence, url=place, status=reply.status)

    def _decoded(self, part: MediaPart) -> tuple[bytes, str]:
        head, comma, body = part.url[len("data:") :].partition(",")
        said, *marks = [piece.strip() for piece in head.split(";")]
        # Four characters of base64 are three bytes.
        if len(body) > self._largest * 4:
            raise self._too_large(part)
        data = b""
        try:
            data = unquote_to_bytes(body)
            if "base64" in marks:
                data = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
        except (binascii.Error, ValueError):
            comma = ""
        if not comma:
            raise self._wrong(f"The data: URL of the {part.kind} in the message is malformed.")
        if len(data) > self._largest:
            raise self._too_large(part)
        return data, said

    def _typed(self, part: MediaPart, data: bytes, said: str) -> MediaPart:
        """The part with its bytes: what they are is seen by themselves, and said by others only where they tell not."""
        said = said.partition(";")[0].strip().lower()
        seen = mime_type_of(MediaPart("file", data))
        if seen == _UNKNOWN:
            seen = part.mime_type or ("" if said == _UNKNOWN else said) or mime_type_of(part)
        sort, _, form = seen.partition("/")
        if {part.kind, sort} == {"audio", "video"}:
            # Either may be in the same kind of box: who sends it knows better.
            sort, seen = part.kind, f"{part.kind}/{form}"
        if part.kind != "file" and sort in ("text", "image", "audio", "video") and sort != part.kind:
            raise self._wrong(f"What is at {_place(part)} is {seen}, and not {_SORT[part.kind]}.", mime_type=seen)
        return replace(part, data=data, mime_type=seen)

    def _too_large(self, part: MediaPart) -> ModelFailed:
        return self._wrong(
            f"The {part.kind} at {_place(part)} is larger than {self._largest} bytes, which is as much as a model is"
            " given at a time.",
            limit=self._largest,
            setting="model_media_bytes",
        )

    def _wrong(self, sentence: str, **facts: int | str) -> ModelFailed:
        return ModelFailed(sentence, reason="bad_request", model=self._name, **facts)


_SORT: Final = {"image": "a picture", "audio": "a sound", "video": "a film"}


def _plain(message: ChatMessage) -> ChatMessage:
    """The message without the names of files in its URLs: who serves a file may sign its URL."""
    if isinstance(message.content, str):
        return message
    return replace(message, content=tuple(_nameless(part) for part in message.content))


def _nameless(part: Part) -> Part:
    if not isinstance(part, MediaPart) or not (name := file_name_of(part.url)):
        return part
    return replace(part, url=without_file_name(part.url), name=part.name or name)


def _is_data(url: str) -> bool:
    return url[:5].lower() == "data:"


def _place(part: MediaPart) -> str:
    return "its data: URL" if _is_data(part.url) else without_secrets(part.url)


def _with_bytes(part: Part, got: dict[str, MediaPart]) -> Part:
    if isinstance(part, MediaPart) and part.data is None and (found := got.get(part.url)) is not None:
        return replace(part, data=found.data, mime_type=found.mime_type)
    return part
