"""Ids grow, are unique, and tell when they were made."""

import threading

import pytest

from engine.errors import NotFound
from storage.clock import now_ms
from storage.ids import EPOCH_MS, IdMaker, made_at, new_id, parse_id, read_id

MS = 1_000_000


def test_ids_of_many_threads_are_unique_and_grow_within_each() -> None:
    made: list[list[int]] = []

    def make() -> None:
        made.append([new_id() for _ in range(5_000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id_ for ids in made for id_ in ids}) == 20_000
    assert all(ids == sorted(ids) for ids in made)


def test_an_id_tells_when_it_was_made() -> None:
    before = now_ms()
    assert before <= made_at(IdMaker()()) <= now_ms()


def test_ids_fit_into_63_bits_until_2093() -> None:
    late = IdMaker(clock=lambda: (EPOCH_MS + (1 << 41) - 1) * MS)
    assert 0 < late() < 1 << 63


def test_ids_grow_when_the_clock_steps_back() -> None:
    times = iter([(EPOCH_MS + 10_000) * MS, (EPOCH_MS + 4_000) * MS, (EPOCH_MS + 4_001) * MS])
    make = IdMaker(clock=lambda: next(times))
    ids = [make(), make(), make()]
    assert ids == sorted(set(ids))


def test_ids_grow_when_a_millisecond_is_used_up() -> None:
    make = IdMaker(clock=lambda: (EPOCH_MS + 10_000) * MS)
    ids = [make() for _ in range(5_000)]
    assert ids == sorted(set(ids))


def test_an_id_survives_its_way_through_json() -> None:
    id_ = new_id()
    assert parse_id(str(id_)) == id_


@pytest.mark.parametrize("text", ["", "-1", "1.0", "abc", "٣", "9" * 19, "1" * 40, " 1"])
def test_what_is_no_id_is_the_id_of_nothing(text: str) -> None:
    assert read_id(text) is None
    with pytest.raises(NotFound):
        parse_id(text, "run")
