"""How a request's body is read: no further than its limit, and as JSON that we can keep and give back unchanged."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal, NoReturn

import orjson
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.access import Require, required
from api.errors import BodyTooLarge, MalformedBody, UnsupportedBody
from api.problems import Refused
from engine.errors import LimitExceeded
from engine.json_text import MAX_DEPTH, check_depth
from engine.limits import Limits

LimitName = Literal["canvas_bytes", "run_input_bytes", "import_bytes"]

_ROOM: Final = 64 * 1024
"""What may stand around a canvas or the inputs of a run: the limit itself is that of what is in it."""
SMALL_BYTES: Final = 64 * 1024
"""For what holds a few fields, and for who is not known yet."""
_MOST_VALUES: Final = 1_000_000
"""In an import: many times what its largest files hold. More would hold everybody up while it is looked through."""
_LONG: Final = 1024 * 1024
"""A longer body is read in a thread, so that others are answered meanwhile."""
_PATIENCE_SECONDS: Final = 30.0
_SLOWEST: Final = 10_000
"""Bytes in a second: at this pace the largest body may come. Who sends nothing would be waited for without an end."""
_LONG_DIGITS: Final = re.compile(rb"\d{19}")
_LARGEST: Final = 2**64 - 1
_SMALLEST: Final = -(2**63)


def read_json(data: bytes, *, once: bool = False) -> Any:
    """The value of a JSON body. Raises `MalformedBody` or `LimitExceeded`.

    With `once`, as for canvases, no key may stand twice in an object; integers of any size are then kept as they are,
    for validation to speak about. Otherwise one beyond 64 bits is refused.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _malformed(data, error) from error
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        check_depth(value, field="The body")
    if once:
        # orjson says nothing of doubled keys, and turns integers beyond 64 bits into floats.
        return json.loads(data, parse_int=_integer, object_pairs_hook=_object)
    if _LONG_DIGITS.search(data):
        json.loads(data, parse_int=_short_integer)
    return value


def _malformed(data: bytes, error: orjson.JSONDecodeError) -> MalformedBody | LimitExceeded:
    if "depth" in error.msg:
        sentence = f"The body is nested more than {MAX_DEPTH} levels deep, which is the limit."
        return LimitExceeded(sentence, limit=MAX_DEPTH)
    try:
        data.decode()
    except UnicodeDecodeError as bad:
        return MalformedBody(f"The body is not UTF-8: its byte {bad.start} fits no character.", position=bad.start)
    sentence = f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
    return MalformedBody(sentence, line=error.lineno, column=error.colno)


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:
        raise MalformedBody("The body holds a number with thousands of digits.") from error


def _short_integer(digits: str) -> int:
    # Counted first: Python refuses to read thousands of digits.
    number = int(digits) if len(digits) <= 20 else _LARGEST + 1
    if not _SMALLEST <= number <= _LARGEST:
        shown = digits if len(digits) <= 24 else f"{digits[:24]}…"
        raise MalformedBody(f"The number {shown} has more than 64 bits: send it as a text.")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        twice = twice[:100]
        raise MalformedBody(f"The key {twice!r} stands twice in one object.", key=twice)
    return made


def check_values(data: bytes, most: int) -> None:
    """Refuse a body with more values than that, before they are made. A comma within a text counts as one too."""
    if data.count(b",") > most:
        raise LimitExceeded(f"The body holds more than {most:,} values.", limit=most)


async def read_body(
    request: Request, limit: int, setting: str, *, patience: float = _PATIENCE_SECONDS, slowest: int = _SLOWEST
) -> bytes:
    """The bytes of the body. Raises `BodyTooLarge` before more than the limit has been read, and `MalformedBody` when
    they come too slowly.
    """

    def refuse() -> NoReturn:
        raise BodyTooLarge(f"The body is larger than {limit} bytes.", limit=limit, setting=setting)

    said = request.headers.get("content-length", "")
    if said.isdecimal() and (len(said) > 18 or int(said) > limit):
        refuse()
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(patience + limit / slowest):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    refuse()
                chunks.append(chunk)
    except TimeoutError as error:
        raise MalformedBody("The body came too slowly: it is waited for no longer.") from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def check_content_type(content_type: str) -> None:
    """Refuse what is not said to be JSON: it would be read by chance, or sent by a form of a foreign page."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        named = f"{kind[:80]} is not taken here" if kind else "The body has no type"
        raise UnsupportedBody(f"{named}: send JSON with the header Content-Type: application/json.")


class StrictRequest(Request):
    """A request whose body is read within limits. Its errors come as `Refused`: FastAPI swallows all others here."""

    limit: int = 0
    setting: str = ""
    once: bool = False
    most_values: int | None = None

    async def body(self) -> bytes:
        """The bytes, or `Refused`."""
        if not hasattr(self, "_body"):
            try:
                self._body = await read_body(self, self.limit, self.setting)
                if self._body:
                    check_content_type(self.headers.get("content-type", ""))
            except (BodyTooLarge, UnsupportedBody, MalformedBody) as error:
                raise Refused(error) from error
            except ClientDisconnect as error:
                raise Refused(MalformedBody("The body broke off.")) from error
        return self._body

    async def json(self) -> Any:
        """The value, or `Refused`."""
        if not hasattr(self, "_json"):
            try:
                data = await self.body()
                if self.most_values is not None:
                    check_values(data, self.most_values)
                self._json = (
                    await asyncio.to_thread(read_json, data, once=self.once)
                    if len(data) > _LONG
                    else read_json(data, once=self.once)
                )
            except (MalformedBody, LimitExceeded) as error:
                raise Refused(error) from error
        return self._json


def strict_route(name: LimitName, *, once: bool = False, most: int | None = None) -> type[APIRoute]:
    """The class of routes whose bodies end at this limit, or at `most` (and in which no key may stand twice)."""

    class StrictRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            declared = required(self.dependant)

            async def read_strictly(request: Request) -> Response:
                if isinstance(declared, Require):
                    # Now: FastAPI reads the body before it asks who sends it.
                    await declared.before_the_body(request)
                limits: Limits = request.app.state.limits
                strict = StrictRequest(request.scope, request.receive)
                strict.limit = getattr(limits, name) + _ROOM if most is None else most
                strict.setting = f"MAINSPRING_{name.upper()}" if most is None else ""
                strict.once = once
                strict.most_values = _MOST_VALUES if name == "import_bytes" else None
                return await handle(strict)

            return read_strictly

    return StrictRoute


small_route: Final = strict_route("run_input_bytes", most=SMALL_BYTES)
"""For routes whose bodies hold a few fields."""
