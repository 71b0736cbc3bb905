"""Streams of events on the wire: kept alive, resumable, and gone when nobody reads them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update
from sqlmodel import col
from starlette.requests import HTTPConnection

from api.event_stream import EventStream, Streams
from engine.events import EventType, RunEvent, StoredEvent
from storage.callers import rights_changed
from storage.tables import AccessToken, SpaceMember
from tests.api.people import somebody
from tests.api.serving import serve


def event(seq: int, text: str = "a") -> StoredEvent:
    return StoredEvent(seq, RunEvent(f"k{seq}", EventType.STEP_DELTA, 1, "p", "n", {"text": text}))


class Reader:
    """The other end of a connection, as a server shows it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.ended = False
        self.news = asyncio.Event()
        self.leaves = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.sent.append(message["body"])
            self.ended = not message["more_body"]
        self.news.set()

    async def read(self, stream: EventStream[StoredEvent], **scope: Any) -> None:
        async with asyncio.timeout(60):
            await stream({"type": "http", **scope}, self.receive, self.send)


async def some(count: int) -> AsyncIterator[StoredEvent]:
    for seq in range(1, count + 1):
        yield event(seq)


class Endless:
    """Events of a run that goes on, and whether somebody still follows it."""

    def __init__(self) -> None:
        self.followed = False

    async def events(self) -> AsyncIterator[StoredEvent]:
        self.followed = True
        try:
            yield event(1)
            await asyncio.Event().wait()
        finally:
            self.followed = False


async def test_an_event_is_one_frame_with_its_offset_and_type() -> None:
    reader = Reader()
    await reader.read(EventStream(some(1), Streams(), headers={"Location": "/x"}))
    assert b"".join(reader.sent) == (
        b'id: 1\nevent: step.delta\ndata: {"seq":1,"key":"k1","type":"step.delta","at":1,"path":"p","node":"n",'
        b'"data":{"text":"a"}}\n\n'
    )
    assert reader.headers["content-type"].startswith("text/event-stream")
    assert (reader.headers["x-accel-buffering"], reader.headers["location"]) == ("no", "/x")
    assert reader.ended


async def test_a_line_break_in_a_text_does_not_break_the_frame() -> None:
    async def odd() -> AsyncIterator[StoredEvent]:
        yield event(1, "a\r\n\r\ndata: {}\n\u2028\u0085id: 9\n")

    reader = Reader()
    await reader.read(EventStream(odd(), Streams()))
    [frame] = b"".join(reader.sent).split(b"\n\n")[:-1]
    assert [line.partition(b":")[0] for line in frame.split(b"\n")] == [b"id", b"event", b"data"]


async def test_events_that_come_together_are_sent_together() -> None:
    reader = Reader()
    await reader.read(EventStream(some(10_000), Streams()))
    assert b"".join(reader.sent).count(b"\n\n") == 10_000
    assert len(reader.sent) < 200


async def test_a_comment_keeps_the_connection_alive_while_nothing_happens() -> None:
    run, reader = Endless(), Reader()
    reading = asyncio.create_task(reader.read(EventStream(run.events(), Streams(), heartbeat=0.02)))
    while len(reader.sent) < 4:
        reader.news.clear()
        await reader.news.wait()
    reader.leaves.set()
    await reading
    assert reader.sent[1:4] == [b": still here\n\n"] * 3


async def test_a_client_that_leaves_is_not_followed_any_longer() -> None:
    run, reader = Endless(), Reader()
    reading = asyncio.create_task(reader.read(EventStream(run.events(), Streams())))
    while not reader.sent:
        reader.news.clear()
        await reader.news.wait()
    assert run.followed
    reader.leaves.set()
    await reading
    assert not run.followed


async def test_a_server_that_stops_ends_its_streams() -> None:
    run, reader, streams = Endless(), Reader(), Streams()
    reading = asyncio.create_task(reader.read(EventStream(run.events(), streams)))
    while not reader.sent:
        reader.news.clear()
        await reader.news.wait()
    streams.stop()
    await reading
    assert reader.ended
    assert not run.followed
    late = Reader()
    await late.read(EventStream(run.events(), streams))
    assert late.ended


async def test_a_log_that_fails_ends_the_stream() -> None:
    async def breaking() -> AsyncIterator[StoredEvent]:
        yield event(1)
        raise OSError("the disk is gone")

    reader = Reader()
    await reader.read(EventStream(breaking(), Streams()))
    assert b"".join(reader.sent).startswith(b"id: 1\n")
    assert reader.ended


async def test_a_reader_that_does_not_read_holds_up_the_log_and_nothing_else() -> None:
    taken = 0

    async def plenty() -> AsyncIterator[StoredEvent]:
        nonlocal taken
        while True:
            taken += 1
            yield event(taken)

    reader, streams = Reader(), Streams()
    blocked = asyncio.Event()

    async def stuck(message: Any) -> None:
        if message["type"] == "http.response.body" and message["more_body"]:
            blocked.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(EventStream(plenty(), streams)({"type": "http"}, reader.receive, stuck))
    await blocked.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    assert taken < 1_000
    streams.stop()
    async with asyncio.timeout(60):
        await task


@pytest.mark.parametrize("what", ["revoked", "expired", "made a viewer"])
async def test_a_stream_ends_with_the_right_to_read_it(tmp_path: Path, what: str) -> None:
    def take_away(connection: Connection) -> None:
        mine = col(AccessToken.account_id) == one.account_id
        match what:
            case "revoked":
                connection.execute(delete(AccessToken).where(mine))
            case "expired":
                connection.execute(update(AccessToken).where(mine).values(expires=1))
            case _:
                member = col(SpaceMember.account_id) == one.account_id
                connection.execute(update(SpaceMember).where(member).values(role="viewer"))
        rights_changed(connection)

    async with serve(tmp_path) as serving:
        one = await somebody(serving, "editor")
        headers = [(b"authorization", f"Bearer {one.token}".encode())]
        member = await serving.app.state.gate.member(HTTPConnection({"type": "http", "headers": headers}))
        run, reader = Endless(), Reader()
        stream = EventStream(run.events(), Streams())
        reading = asyncio.create_task(reader.read(stream, app=serving.app, state={"member": member}))
        while not reader.sent:
            await reader.news.wait()
            reader.news.clear()
        await serving.stores.database.write(take_away)
        await reading
        assert reader.ended
        assert not run.followed
        await one.client.aclose()
