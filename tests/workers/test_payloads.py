"""Values on their way through Temporal: exact JSON, references that keep their type, payloads too big for a history."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.converter import DataConverter

from engine.errors import LimitExceeded, NodeFailed
from engine.runtime import StepError
from engine.values import BlobRef
from tests.workers.memory_stores import MemoryBlobs
from workers.big_values import BigValues
from workers.byte_cache import ByteCache
from workers.codec import ClaimCheckCodec
from workers.converter import JsonPayloadConverter, read_json, write_json

REF = BlobRef("ab" * 32, 1_000_000, "array", 7, ("items", 3), "[1, 2")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def values(blobs: MemoryBlobs | None = None) -> BigValues:
    return BigValues(blobs or MemoryBlobs(), ByteCache(1_000_000))


@given(JSON)
def test_json_comes_back_as_it_was(value: object) -> None:
    assert read_json(write_json(value)) == value


@given(JSON)
def test_a_reference_keeps_its_type_wherever_it_sits(value: object) -> None:
    carried = {"a": value, "b": [REF, {"c": REF}]}
    assert read_json(write_json(carried)) == carried


def test_an_integer_of_any_size_is_exact() -> None:
    assert read_json(write_json(10**40 + 1)) == 10**40 + 1


def test_half_a_surrogate_pair_survives() -> None:
    assert read_json(write_json("a\ud83d")) == "a\ud83d"


def test_what_only_looks_like_a_reference_stays_an_object() -> None:
    looks = REF.to_wire()
    for forged in (
        {"$blob": 1},
        {"$blob": {"sha": 1}},
        {**looks, "more": 1},
        looks,
        {"$blob$": looks},
        {"$blob$$": 1, "$blob": looks, "$blobs": 2},
        [{"$blob": looks}, '"$blob"', "\ud83d"],
    ):
        assert read_json(write_json(forged)) == forged
        assert read_json(write_json({"a": forged, "b": REF})) == {"a": forged, "b": REF}


def test_a_reference_whose_preview_looks_like_one_comes_back() -> None:
    strange = BlobRef("ab" * 32, 1, "string", 7, (), '{"$blob": 1}')
    assert read_json(write_json([strange, {"$blob$": 1}])) == [strange, {"$blob$": 1}]


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(math.nan)
    with pytest.raises(TypeError, match="set is not JSON"):
        write_json({"a": {1}})


def converter(blobs: MemoryBlobs, largest: int = 10_000) -> DataConverter:
    codec = ClaimCheckCodec(blobs, largest=largest, cache=ByteCache(0))
    return DataConverter(payload_converter_class=JsonPayloadConverter, payload_codec=codec)


@pytest.mark.parametrize("size", [10, 3_000, 9_000, 1_000_000])
async def test_a_payload_of_any_size_comes_back(size: int) -> None:
    there = converter(MemoryBlobs())
    value = {"text": "流" * (size // 3), "refs": [REF]}
    payloads = await there.encode([value])
    assert sum(len(payload.data) for payload in payloads) <= 10_000
    assert await there.decode(payloads) == [value]


async def test_a_payload_over_the_limit_lies_in_the_blob_store_once() -> None:
    blobs = MemoryBlobs()
    there = converter(blobs)
    for _ in range(2):
        await there.encode(["x" * 20_000])
    assert len(blobs.kept) == 1
    assert next(iter(blobs.kept)).startswith("payloads/")


async def test_a_small_output_stays_as_it_is() -> None:
    blobs = MemoryBlobs()
    output = {"a": "x" * 100, "b": [1, 2]}
    assert await values(blobs).offload("org", output, inline=1_000, largest=10_000) == output
    assert not blobs.kept


async def test_only_the_big_field_of_an_output_leaves() -> None:
    blobs = MemoryBlobs()
    big = values(blobs)
    output = {"small": 1, "text": "长" * 1_000, "list": list(range(1_000)), "object": {str(n): n for n in range(500)}}
    made = await big.offload("org", output, inline=1_000, largest=100_000)
    assert made["small"] == 1
    refs: dict[str, Any] = {name: made[name] for name in ("text", "list", "object")}
    assert {name: (ref.kind, ref.length) for name, ref in refs.items()} == {
        "text": ("string", 1_000),
        "list": ("array", 1_000),
        "object": ("object", 500),
    }
    assert all(key.startswith("org/") for key in blobs.kept)
    assert await big.load("org", made) == output


async def test_a_path_into_a_stored_value_gives_that_part() -> None:
    big = values()
    made = await big.offload("org", {"list": [{"n": n} for n in range(1_000)]}, inline=100, largest=100_000)
    ref = made["list"]
    assert isinstance(ref, BlobRef)
    assert await big.load("org", {"one": ref.at(7), "n": ref.at(8, "n")}) == {"one": {"n": 7}, "n": 8}


async def test_a_part_handed_out_may_be_changed() -> None:
    big = values()
    made = await big.offload("org", {"list": [{"n": n} for n in range(1_000)]}, inline=100, largest=100_000)
    ref = made["list"]
    assert isinstance(ref, BlobRef)
    part = await big.load("org", ref.at(7))
    part["n"] = "changed"
    assert await big.load("org", ref.at(7)) == {"n": 7}


async def test_a_path_that_leads_nowhere_is_no_value() -> None:
    big = values()
    made = await big.offload("org", {"list": list(range(1_000))}, inline=100, largest=100_000)
    ref = made["list"]
    assert isinstance(ref, BlobRef)
    assert await big.load("org", {"a": ref.at(5_000), "b": [ref.at("x", "y")]}) == {"b": [None]}


async def test_another_organisation_cannot_load_by_the_same_hash() -> None:
    blobs = MemoryBlobs()
    big = values(blobs)
    made = await big.offload("mine", {"text": "x" * 2_000}, inline=1_000, largest=10_000)
    with pytest.raises(StepError, match="not in the store") as missing:
        await big.load("theirs", made)
    assert missing.value.error_code == "value_missing"


async def test_what_looks_like_a_reference_is_stored_and_loaded_as_it_is() -> None:
    big = values()
    output = {"list": [REF.to_wire(), {"$blob$": "x" * 2_000}]}
    made = await big.offload("org", output, inline=1_000, largest=10_000)
    assert isinstance(made["list"], BlobRef)
    assert await big.load("org", made) == output


async def test_references_within_what_is_stored_are_loaded_first() -> None:
    big = values()
    inner = await big.offload("org", {"text": "y" * 2_000}, inline=1_000, largest=10_000)
    made = await big.offload("org", {"whole": [inner, "x" * 2_000]}, inline=1_000, largest=10_000)
    assert isinstance(made["whole"], BlobRef)
    assert await big.load("org", made) == {"whole": [{"text": "y" * 2_000}, "x" * 2_000]}


async def test_a_field_over_the_limit_is_refused_and_named() -> None:
    with pytest.raises(LimitExceeded, match="text") as refused:
        await values().offload("org", {"text": "x" * 2_000}, inline=100, largest=1_000)
    assert refused.value.facts["setting"] == "MAINSPRING_VALUE_BYTES"


@pytest.mark.parametrize("bad", [math.nan, {1, 2}, object()])
async def test_an_output_that_is_no_json_fails_the_node(bad: object) -> None:
    with pytest.raises(NodeFailed, match="JSON"):
        await values().offload("org", {"x": bad}, inline=100, largest=1_000)


async def test_twenty_megabytes_go_and_come_back() -> None:
    big = values()
    text = "x" * 20_000_000
    async with asyncio.timeout(60):
        made = await big.offload("org", {"text": text}, inline=1_000, largest=64_000_000)
        assert await big.load("org", made) == {"text": text}
