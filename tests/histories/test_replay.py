"""Runs that began under older code go on under this: every recorded history replays, and tells what it told."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.histories.recordings import read, recorded
from tests.histories.scenes import SCENES


def test_every_scene_is_recorded() -> None:
    assert sorted(SCENES) == recorded()


@pytest.mark.parametrize("name", recorded())
async def test_a_recorded_run_replays_and_tells_the_same(name: str) -> None:
    recording = read(name)
    told = await recording.replay()
    for then, now in zip(recording.told, told, strict=True):
        # More may be told today, but nothing less, and in the same order.
        known = set(then)
        assert [key for key in now if key in known] == then


async def test_a_changed_interpreter_would_be_found() -> None:
    """As good as a change of the code: a history in which the same plan called something else."""
    recording = read("activities_in_a_row")
    changed = json.loads(json.dumps(recording.histories).replace('{"name": "work"}', '{"name": "other"}'))
    with pytest.raises(Exception, match="TMPRL1100"):
        await dataclasses.replace(recording, histories=changed).replay()
