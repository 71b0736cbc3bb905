"""What the demonstration does, and what it finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cli.canvas_files import family
from cli.complaint import CommandFailed
from cli.demo.shop import Arrival, Shop
from cli.demo.worker_process import WorkerProcess
from cli.http_client import ApiClient
from cli.http_server import HttpServer
from cli.listening import bind, url_of
from cli.progress import Progress
from cli.run_view import place_of
from cli.saving import save_family
from cli.whole import Services, Whole
from conf.settings import Settings

EXAMPLE: Final = "ship-order.json"
_SERVICE, _NUMBER = "courier", 2
"""The worker dies while this request is being answered: after it had its effect, before the worker knows."""
_HELD_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Count:
    """A step with an effect: how often it was asked for and happened, and how far it was when the worker died."""

    path: str
    title: str
    asked: int
    done: int
    finished_before: bool
    in_flight: bool


@dataclass
class Findings:
    """What came out. Times in seconds: from the kill, and from the new start, to the next request that arrived."""

    run: dict[str, Any]
    counts: list[Count] = field(default_factory=list)
    killed_pid: int = 0
    since_kill: float = 0.0
    since_start: float = 0.0

    @property
    def twice(self) -> list[Count]:
        """Finished steps that were asked for again: there must be none."""
        return [count for count in self.counts if count.finished_before and count.asked > 1]

    @property
    def well(self) -> bool:
        """Whether the run succeeded, no finished step ran again, and every effect happened once."""
        return (
            self.run["state"] == "succeeded"
            and not self.twice
            and all(count.done == 1 for count in self.counts)
            and any(count.finished_before for count in self.counts)
        )


class Demonstration:
    """Played once, in a folder of its own."""

    def __init__(self, settings: Settings, canvas: Path, progress: Progress, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._canvas = canvas
        self._progress = progress
        self._tell = tell
        self._shop = Shop(slow=_held)

    async def play(self) -> Findings:
        """Start everything, kill the worker, start another, and count."""
        async with Whole(self._settings, Services(worker=False)) as whole, ApiClient(whole.url, whole.token) as client:
            listening = bind(self._settings)
            shop = HttpServer(self._shop.app(), listening)
            worker = WorkerProcess(self._settings.data_dir, egress_allow="{}:{}".format(*listening.getsockname()[:2]))
            try:
                await shop.start()
                worker.start()
                self._tell(f"The worker is process {worker.pid}. The order is on its way:")
                return await self._run(client, worker, url_of(listening))
            finally:
                await worker.stop()
                await shop.stop()

    async def _run(self, client: ApiClient, worker: WorkerProcess, shop_url: str) -> Findings:
        key = await save_family(client, family(self._canvas))
        body = {"inputs": {"service": shop_url}, "version": "draft", "mode": "async"}
        run = await client.post(f"/workflows/{key}/runs", body)
        following = asyncio.create_task(self._follow(client, run["id"]), name="events of the run")
        held = await self._before(following, self._shop.wait_for(_SERVICE, _NUMBER))
        findings = Findings(run, killed_pid=worker.pid)
        loop = asyncio.get_running_loop()
        killed_at = loop.time()
        await worker.kill()
        known = len(self._shop.arrivals)
        self._tell(f"kill -9 {findings.killed_pid}, while the service {_SERVICE} was answering. A new worker starts.")
        started_at = loop.time()
        worker.start()
        again = await self._before(following, self._shop.wait_for_more(known))
        findings.since_kill, findings.since_start = again.at - killed_at, again.at - started_at
        self._tell(f"Process {worker.pid} goes on, {findings.since_start:.1f} s after its start.")
        await following
        findings.run = await client.get(f"/runs/{run['id']}")
        findings.counts = self._counts(run["id"], held)
        return findings

    async def _follow(self, client: ApiClient, run_id: str) -> None:
        async for event in client.events(run_id):
            self._progress.take(event)

    async def _before(self, following: asyncio.Task[None], arrival: Any) -> Arrival:
        """Wait for a request; a run that is over before it arrives is told."""
        waiting: asyncio.Task[Arrival] = asyncio.ensure_future(arrival)
        await asyncio.wait({following, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            await following
            error = (self._progress.view.ended or {}).get("data", {}).get("error", {})
            raise CommandFailed(f"The run was over before its time. {error.get('message', '')}".rstrip())
        return waiting.result()

    def _counts(self, run_id: str, held: Arrival) -> list[Count]:
        titles = {place: row.title for place, row in self._progress.view.rows.items()}
        counts = []
        for arrivals in self._shop.wishes().values():
            path = arrivals[0].key.removeprefix(f"{run_id}/")
            counts.append(
                Count(
                    path=path,
                    title=titles.get(place_of(path), path),
                    asked=len(arrivals),
                    # What comes with a key that is known is not done again.
                    done=len({arrival.key for arrival in arrivals}),
                    # One step comes after another: the next one began because this one was finished.
                    finished_before=arrivals[0].at < held.at,
                    in_flight=held in arrivals,
                )
            )
        return counts


def _held(arrival: Arrival, number: int) -> float:
    return _HELD_SECONDS if (arrival.service, number) == (_SERVICE, _NUMBER) else 0.0
