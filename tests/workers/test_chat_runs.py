"""The answer of a run in its conversation: there once, wherever the processes died that were at it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

from engine.events import EventType, RunEvent
from engine.plan import plan_hash
from storage.ids import new_id
from storage.ports.conversations import Conversation, Party
from storage.runs import NewRun
from storage.turns import Turn
from tests.engine.draw import answer, canvas, compiled, node, start
from tests.workers.harness import until
from tests.workers.temporal_fixture import temporal_server
from tests.workers.test_crashes import Scene, scene
from workers.client import RunStart

__all__ = ["scene", "temporal_server"]


class Chat:
    """A conversation, and runs that are turns of it."""

    def __init__(self, scene: Scene, talk: Conversation) -> None:
        self.scene = scene
        self.talk = talk

    @classmethod
    async def begin(cls, scene: Scene) -> Chat:
        home = await scene.stores.organisations.ensure_default()
        party = Party(str(home.org_id), str(home.space_id), "shop", "安娜")
        return cls(scene, (await scene.stores.conversations.open(party, "售后")).conversation)

    async def ask(self, question: str) -> RunStart:
        """Record a run that answers with what its one step says, and start it."""
        stores, party = self.scene.stores, self.talk.party
        drawn = canvas(
            start(),
            node("work", "work", {"text": f"{question}！", "seconds": 0.2}),
            answer("{{said}}", {"said": "=work.text"}),
            lines="start>work work>end",
        )
        plan, digest = compiled(drawn)
        await stores.plans.put(plan_hash(plan.to_bytes()), plan.to_bytes())
        made = RunStart(
            run_id=str(new_id()),
            org_id=party.org_id,
            space_id=party.space_id,
            workflow_id="7",
            version="v1.0.0",
            plan_hash=digest,
            inputs={},
            user_id=party.user_id,
            app_id=party.app_id,
            conversation_id=self.talk.id,
            chat=True,
        )
        known: dict[str, Any] = {
            "workflow_key": "flow", "workflow_name": "Flow", "version": "v1.0.0", "mode": "durable", "kind": "run",
        }  # fmt: skip
        new = NewRun(
            id=int(made.run_id),
            workflow_id=7,
            plan_hash=digest,
            created=time.time_ns() // 1_000_000,
            inputs={},
            turn=Turn(int(self.talk.id), int(self.talk.section_id), question),
            **known,
        )
        await stores.runs(int(party.org_id), int(party.space_id)).create(new)
        await self.scene.client.start(made)
        return made

    async def lines(self) -> list[tuple[str, str]]:
        """Who said what, the oldest first."""
        party = self.talk.party
        page = await self.scene.stores.conversations.messages(party.org_id, party.space_id, self.talk.id)
        return [(one.role, one.content) for one in reversed(page.messages)]

    async def over(self, run: RunStart) -> None:
        """Returns when Temporal too holds the run for done."""

        async def closed() -> bool:
            return (await self.scene.client.describe(run.executor)).status == "succeeded"

        await until(closed, seconds=60)


async def test_a_worker_killed_as_a_run_ends_leaves_its_answer_once(scene: Scene) -> None:
    chat = await Chat.begin(scene)
    worker = await scene.worker()
    run = await chat.ask("发货了吗")
    await scene.told(run, EventType.RUN_SUCCEEDED)
    # The end is stored; Temporal may or may not have heard of it.
    await scene.kill(worker)
    await scene.worker()
    await chat.over(run)
    assert await chat.lines() == [("user", "发货了吗"), ("assistant", "发货了吗！")]


async def test_a_run_whose_end_was_stored_before_temporal_heard_of_it_answers_once(scene: Scene) -> None:
    chat = await Chat.begin(scene)
    run = await chat.ask("在吗")
    # As a worker leaves it that dies between the two.
    now = time.time_ns() // 1_000_000
    data: dict[str, Any] = {"output": {"output": "在吗！"}, "answer": "在吗！"}
    end = RunEvent("run:succeeded", EventType.RUN_SUCCEEDED, now, data=data)
    await scene.stores.events.append(run.run_id, [end])
    await scene.stores.events.append(run.run_id, [dataclasses.replace(end, at=now + 1)])
    await scene.worker()
    await chat.over(run)
    assert await chat.lines() == [("user", "在吗"), ("assistant", "在吗！")]


async def test_turns_whose_workers_die_in_the_middle_answer_once_each(scene: Scene) -> None:
    chat = await Chat.begin(scene)
    worker = await scene.worker()
    runs = [await chat.ask(question) for question in ("一", "二", "三")]
    await scene.begun("work")
    await scene.kill(worker)
    await scene.worker()
    await asyncio.gather(*(chat.over(run) for run in runs))
    lines = await chat.lines()
    assert lines[:3] == [("user", "一"), ("user", "二"), ("user", "三")]
    assert sorted(lines[3:]) == sorted([("assistant", "一！"), ("assistant", "二！"), ("assistant", "三！")])
    party = chat.talk.party
    history = await scene.stores.conversations.history(party.org_id, party.space_id, chat.talk.id, rounds=3)
    assert [one.content for one in history] == ["一", "一！", "二", "二！", "三", "三！"]
