"""One run of a canvas and everybody around it: who follows it, who answers, and what must hold in the end."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx2

from tests.scenarios.endpoint import Endpoint
from tests.scenarios.follower import Event, Follower, fold, texts

Document = dict[str, Any]

_AGAIN: Final = 0.1
_LONGEST: Final = 180.0
_OWN: Final = re.compile(r"(?<![0-9])[0-9]{17,19}(?![0-9])|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}")
"""Ids, and moments as rows have them."""
_COMPARED: Final = ("state", "port", "handled", "title", "node_type", "parent", "turn", "inputs", "output", "error")


async def publish(client: httpx2.AsyncClient, key: str, canvas: Document) -> str:
    """Draw and publish a workflow; gives its id."""
    drawn = await client.post("/workflows", json={"name": key, "key": key, "canvas": canvas})
    assert drawn.status_code == 201, drawn.text
    assert drawn.json()["diagnostics"] == []
    published = await client.post(f"/workflows/{key}/versions", json={})
    assert published.status_code == 201, published.text
    return str(drawn.json()["id"])


async def insist(client: httpx2.AsyncClient, method: str, path: str, **what: Any) -> httpx2.Response:
    """Ask again and again until there is an answer that is no trouble of the server: what a good client does."""
    async with asyncio.timeout(_LONGEST):
        while True:
            try:
                reply = await client.request(method, path, **what)
                if reply.status_code < 500:
                    return reply
            except httpx2.TransportError:
                pass
            await asyncio.sleep(_AGAIN)


@dataclass
class Journey:
    """A run, once it was asked for."""

    client: httpx2.AsyncClient
    run_id: str
    follower: Follower
    person: asyncio.Task[None] | None = None
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """What the person was told instead of thanks."""

    @classmethod
    async def begin(
        cls,
        client: httpx2.AsyncClient,
        workflow: str,
        inputs: Document,
        answers: Document | None = None,
        **more: str,
    ) -> Journey:
        """Start a run under a key of its own, and answer its questions as they come."""
        start = {"mode": "async", "inputs": inputs, **more}
        asked = await insist(
            client, "POST", f"/workflows/{workflow}/runs", json=start, headers={"idempotency-key": uuid4().hex}
        )
        assert asked.status_code in (200, 201), asked.text
        run_id = str(asked.json()["id"])
        journey = cls.of(client, run_id)
        if answers:
            journey.person = asyncio.create_task(journey._answer(answers), name=f"person of {run_id}")
        return journey

    @classmethod
    def of(cls, client: httpx2.AsyncClient, run_id: str) -> Journey:
        """A run that somebody has started, followed from its beginning."""
        return cls(client, run_id, Follower(client, run_id))

    async def finish(self, seconds: float = _LONGEST) -> Event:
        """The event that ends the run."""
        try:
            return await self.follower.finish(seconds)
        except TimeoutError as late:
            told = [event["key"] for event in self.follower.events[-5:]]
            raise AssertionError(
                f"{self.run_id} did not end in {seconds} seconds. Told last: {told}. Refused: {self.refused}"
            ) from late
        finally:
            await self.close()

    async def close(self) -> None:
        """Nobody follows or answers any more."""
        await self.follower.close()
        if self.person is not None:
            self.person.cancel()
            await asyncio.gather(self.person, return_exceptions=True)

    async def _answer(self, answers: Document) -> None:
        for wait, answer in answers.items():
            if not await self.follower.until(lambda wait=wait: self.follower.seen(f"{wait}:wait:opened"), None):  # type: ignore[misc]
                return
            if wait in self.held:
                await self.held[wait].wait()
            given = {"wait_id": wait, "answer": answer, "answer_id": f"answer-{wait}"}
            reply = await insist(self.client, "POST", f"/runs/{self.run_id}/answers", json=given)
            if reply.status_code != 200:
                self.refused.append(f"{wait}: {reply.status_code} {reply.text}")

    # --- what must hold -----------------------------------------------------------------------------------------------

    async def run(self) -> Document:
        """The run's record."""
        reply = await insist(self.client, "GET", f"/runs/{self.run_id}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def records(self) -> dict[str, Document]:
        """The records of its steps, by place."""
        found: dict[str, Document] = {}
        cursor: str | None = None
        while True:
            wanted = {"limit": "200", **({"cursor": cursor} if cursor else {})}
            page = (await insist(self.client, "GET", f"/runs/{self.run_id}/nodes", params=wanted)).json()
            found |= {one["path"]: one for one in page["items"]}
            if (cursor := page["next_cursor"]) is None:
                return found

    async def log(self) -> list[Event]:
        """Its events, as they are stored."""
        events: list[Event] = []
        while True:
            wanted = {"after": str(events[-1]["seq"] if events else 0)}
            page = (await insist(self.client, "GET", f"/runs/{self.run_id}/events", params=wanted)).json()
            events += page["items"]
            if not page["items"] or page["ended"]:
                return events

    async def faults(self, model: Model) -> list[str]:
        """Everything in which the run differs from one that nobody disturbed."""
        run, records, log = await self.run(), await self.records(), await self.log()
        found = [*self.refused, *_differences("run", model.run, _without_places(run))]
        found += _stream_faults(self.follower.events, log)
        found += _record_faults(self.follower.events, records)
        found += _message_faults(self.follower.events)
        return found + _differences("records", model.records, _compared(records))


@dataclass
class Model:
    """How a run goes that nobody disturbs."""

    run: Document
    records: dict[str, Document]
    calls: Counter[str]
    seconds: float

    @classmethod
    async def of(cls, journey: Journey, endpoint: Endpoint) -> Model:
        """Take a finished run as the model."""
        run, records = await journey.run(), await journey.records()
        assert run["state"] == "succeeded", run
        return cls(
            _without_places(run),
            _compared(records),
            endpoint.counted(journey.run_id),
            run["duration_ms"] / 1000,
        )


def _without_places(run: Document) -> Document:
    """The run without what is its own: its id and its times, and those of what it made."""
    own = ("id", "created", "started", "finished", "duration_ms", "temporal_url")
    return _without_own({name: value for name, value in run.items() if name not in own})


def _compared(records: dict[str, Document]) -> dict[str, Document]:
    """What is the same in every run."""
    return _without_own({path: {name: one[name] for name in _COMPARED} for path, one in records.items()})


def _without_own(document: Document) -> Document:
    return dict(json.loads(_OWN.sub("0", json.dumps(document))))


def _stream_faults(read: list[Event], log: list[Event]) -> list[str]:
    offsets = [event["seq"] for event in read]
    found = []
    if offsets != [*range(1, len(offsets) + 1)]:
        found.append(f"the stream has a gap or a duplicate: {offsets}")
    keys = Counter(event["key"] for event in read)
    found += [f"the event {key} was told {times} times" for key, times in keys.items() if times > 1]
    if [event["key"] for event in read] != [event["key"] for event in log]:
        found.append("the stream differs from the stored log")
    return found


def _record_faults(read: list[Event], records: dict[str, Document]) -> list[str]:
    folded = fold(read)
    found = _differences("fold", dict.fromkeys(folded, True), dict.fromkeys(records, True))
    for path, made in folded.items():
        record = records.get(path, {})
        found += [
            f"{path}: {name} is {record.get(name)!r} in the record and {value!r} by the events"
            for name, value in made.items()
            if record.get(name) != value
        ]
        if record.get("state") in ("running", "waiting"):
            found.append(f"{path} is still {record['state']}")
        if record.get("state") == "succeeded" and (record["finished"] is None or not record["title"]):
            found.append(f"the record of {path} is incomplete: {record}")
    return found


def _message_faults(read: list[Event]) -> list[str]:
    made, whole = texts(read)
    found = [
        f"{path} was put together as {text!r}, not {whole.get(path)!r}"
        for path, text in made.items()
        if text != whole.get(path)
    ]
    return found if made else ["no message was streamed"]


def _differences(what: str, wanted: Any, given: Any, place: str = "") -> list[str]:
    if isinstance(wanted, dict) and isinstance(given, dict):
        names = [*wanted, *(name for name in given if name not in wanted)]
        missing = object()
        return [
            one
            for name in names
            if wanted.get(name, missing) != given.get(name, missing)
            for one in _differences(what, wanted.get(name), given.get(name), f"{place}.{name}")
        ]
    return [] if wanted == given else [f"{what}{place} is {given!r}, not {wanted!r}"]
