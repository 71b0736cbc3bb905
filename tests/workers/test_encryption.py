"""Payloads for Temporal: encrypted with a key per organisation, bound to it, and never read when they were touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    SerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ActivityError, ApplicationError

from engine.errors import NodeFailed
from storage.keyring import KeyRing, new_key
from storage.stores import open_stores
from tests.workers.memory_stores import MemoryBlobs, MemoryKeys
from workers.connection import TemporalOptions, data_converter, payload_codec
from workers.encryption import ENCRYPTED, PayloadUnreadable, organisation_of, owner_of
from workers.workflows.attributes import summary
from workers.workflows.failures import to_temporal

SECRET = "绝密 canary"
# The server takes no more of a summary, whatever it is made of.
SUMMARY_BYTES = 400


def run_of(org_id: str) -> WorkflowSerializationContext:
    return WorkflowSerializationContext("default", f"{org_id}/7/8")


def converter(
    keys: MemoryKeys | None,
    blobs: MemoryBlobs | None = None,
    context: SerializationContext | None = None,
    *,
    encrypt: bool = True,
) -> DataConverter:
    options = TemporalOptions(largest_payload=10_000, cache_bytes=0, encrypt_payloads=encrypt)
    made = data_converter(payload_codec(options, blobs or MemoryBlobs(), keys), encrypted=encrypt)
    return made if context is None else made.with_context(context)


async def sealed(keys: MemoryKeys, org_id: str, value: Any = SECRET) -> Payload:
    [payload] = await converter(keys, context=run_of(org_id)).encode([value])
    return payload


async def opened(keys: MemoryKeys | None, org_id: str, payload: Payload) -> Any:
    [value] = await converter(keys, context=run_of(org_id)).decode([payload])
    return value


@pytest.mark.parametrize("value", [None, SECRET, {"a": [1, SECRET, None]}, 10**40, "x" * 300_000, b"\x00\xff"])
async def test_a_value_comes_back_and_shows_nothing_on_the_way(value: Any) -> None:
    keys, blobs = MemoryKeys(), MemoryBlobs()
    there = converter(keys, blobs, run_of("mine"))
    [payload] = await there.encode([value])
    assert await there.decode([payload]) == [value]
    for shown in (payload.SerializeToString(), *blobs.kept.values()):
        assert SECRET.encode() not in shown
        assert b"json/plain" not in shown
        assert b"xxxx" not in shown


@given(value=st.text(max_size=200))
async def test_the_same_value_never_looks_the_same_twice(value: str) -> None:
    keys = MemoryKeys()
    one, two = [await sealed(keys, "mine", value) for _ in range(2)]
    assert one.data != two.data
    assert one.data[:12] != two.data[:12]


async def test_every_organisation_has_a_key_of_its_own() -> None:
    keys = MemoryKeys()
    mine, theirs = await sealed(keys, "mine"), await sealed(keys, "theirs")
    assert mine.metadata["encoding"] == theirs.metadata["encoding"] == ENCRYPTED
    assert {payload.metadata["key"].decode() for payload in (mine, theirs)} == {*keys.known}
    assert (owner_of(mine), owner_of(theirs)) == ("mine", "theirs")


async def test_a_payload_in_the_history_of_another_organisation_is_not_read() -> None:
    keys = MemoryKeys()
    with pytest.raises(PayloadUnreadable, match="another organisation"):
        await opened(keys, "theirs", await sealed(keys, "mine"))


async def test_a_payload_that_is_given_another_owner_is_not_read() -> None:
    keys = MemoryKeys()
    payload = await sealed(keys, "mine")
    payload.metadata["org"] = b"theirs"
    with pytest.raises(PayloadUnreadable, match="changed, or moved"):
        await opened(keys, "theirs", payload)


async def test_a_payload_that_names_another_key_is_not_read() -> None:
    keys = MemoryKeys()
    payload = await sealed(keys, "mine")
    other = keys.renew("mine")
    payload.metadata["key"] = other.key_id.encode()
    with pytest.raises(PayloadUnreadable, match=other.key_id):
        await opened(keys, "mine", payload)


@pytest.mark.parametrize("where", [0, 11, 12, 20, -1])
async def test_a_payload_of_which_a_bit_was_changed_is_not_read(where: int) -> None:
    keys = MemoryKeys()
    payload = await sealed(keys, "mine")
    data = bytearray(payload.data)
    data[where] ^= 1
    payload.data = bytes(data)
    with pytest.raises(PayloadUnreadable, match="changed, or moved") as found:
        await opened(keys, "mine", payload)
    assert found.value.facts["key_id"] == payload.metadata["key"].decode()


@pytest.mark.parametrize("left", [0, 5, 12, 27])
async def test_a_payload_that_was_cut_is_not_read(left: int) -> None:
    keys = MemoryKeys()
    payload = await sealed(keys, "mine")
    payload.data = payload.data[:left]
    with pytest.raises(PayloadUnreadable, match="changed, or moved"):
        await opened(keys, "mine", payload)


async def test_a_payload_of_a_later_form_is_not_guessed_at() -> None:
    keys = MemoryKeys()
    payload = await sealed(keys, "mine")
    payload.metadata["version"] = b"2"
    with pytest.raises(PayloadUnreadable, match="later version"):
        await opened(keys, "mine", payload)


async def test_a_key_that_is_missing_is_named() -> None:
    keys = MemoryKeys()
    payload = await sealed(keys, "mine")
    key_id = keys.newest["mine"]
    for others in (MemoryKeys(), None):
        with pytest.raises(PayloadUnreadable, match=key_id) as missing:
            await opened(others, "mine", payload)
        assert missing.value.facts["key_id"] == key_id
        assert not missing.value.retryable


async def test_a_key_that_cannot_be_unwrapped_is_named_too(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=KeyRing({"one": new_key()})) as stores:
        codec = payload_codec(TemporalOptions(), stores.blobs, stores.data_keys).of("17")
        [payload] = await codec.encode([Payload(data=b"x")])
    with open_stores(tmp_path) as stores:
        codec = payload_codec(TemporalOptions(), stores.blobs, stores.data_keys).of("17")
        with pytest.raises(PayloadUnreadable, match=payload.metadata["key"].decode()):
            await codec.decode([payload])


async def test_a_key_that_is_restored_is_found_without_a_restart() -> None:
    keys = MemoryKeys()
    payload = await sealed(keys, "mine")
    later = MemoryKeys()
    there = converter(later, context=run_of("mine"))
    with pytest.raises(PayloadUnreadable):
        await there.decode([payload])
    later.known.update(keys.known)
    assert await there.decode([payload]) == [SECRET]


async def test_what_an_older_key_encrypted_is_read_after_a_newer_one_was_made() -> None:
    keys = MemoryKeys()
    there = converter(keys, context=run_of("mine"))
    [old] = await there.encode([SECRET])
    keys.renew("mine")
    [new] = await there.encode([SECRET])
    assert old.metadata["key"] != new.metadata["key"]
    assert await there.decode([old, new]) == [SECRET, SECRET]


async def test_what_is_in_clear_is_read_as_it_is() -> None:
    blobs = MemoryBlobs()
    values = [SECRET, {"a": 1}, "x" * 20_000]
    payloads = await converter(None, blobs).encode(values)
    assert b"canary" in payloads[0].data
    assert await converter(MemoryKeys(), blobs, run_of("mine")).decode(payloads) == values


async def test_encryption_can_be_switched_off_and_what_is_encrypted_is_still_read() -> None:
    keys = MemoryKeys()
    off = converter(keys, context=run_of("mine"), encrypt=False)
    [clear] = await off.encode([SECRET])
    assert SECRET.encode() in clear.data
    assert await off.decode([await sealed(keys, "mine"), clear]) == [SECRET, SECRET]


async def test_a_large_payload_lies_encrypted_in_the_blob_store() -> None:
    keys, blobs = MemoryKeys(), MemoryBlobs()
    there = converter(keys, blobs, run_of("mine"))
    value = SECRET * 2_000
    payloads = await there.encode([value])
    [stored] = blobs.kept.values()
    assert SECRET.encode() not in stored
    assert owner_of(Payload.FromString(stored)) == "mine"
    assert await there.decode(payloads) == [value]


async def test_what_errors_say_is_encrypted() -> None:
    keys = MemoryKeys()
    there = converter(keys, context=run_of("mine"))
    try:
        try:
            raise ValueError(f"cause {SECRET}")
        except ValueError as cause:
            raise to_temporal(NodeFailed(f"failed {SECRET}", body=SECRET)) from cause
    except ApplicationError as error:
        failure = Failure()
        await there.encode_failure(error, failure)
    assert b"canary" not in failure.SerializeToString()
    assert failure.application_failure_info.type == "node_failed"
    back = await there.decode_failure(failure)
    assert isinstance(back, ApplicationError)
    assert (back.message, back.details[0]["facts"]) == (f"failed {SECRET}", {"body": SECRET})
    assert isinstance(back.cause, ApplicationError)
    assert back.cause.message == f"cause {SECRET}"


async def test_an_error_that_is_handed_on_stays_encrypted_all_the_way_down() -> None:
    keys = MemoryKeys()
    there = converter(keys, context=run_of("mine"))
    first, second = Failure(), Failure()
    await there.encode_failure(to_temporal(NodeFailed(SECRET)), first)
    wrapped = ActivityError(
        SECRET,
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="work",
        activity_id="1",
        retry_state=None,
    )
    wrapped.__cause__ = await there.decode_failure(first)
    await there.encode_failure(wrapped, second)
    assert b"canary" not in second.SerializeToString()
    back = await there.decode_failure(second)
    assert isinstance(back.__cause__, ApplicationError)
    assert back.__cause__.message == SECRET


async def test_errors_in_clear_are_read_as_they_are() -> None:
    failure = Failure()
    await converter(None, encrypt=False).encode_failure(to_temporal(NodeFailed(SECRET)), failure)
    assert failure.message == SECRET
    back = await converter(MemoryKeys(), context=run_of("mine")).decode_failure(failure)
    assert isinstance(back, ApplicationError)
    assert back.message == SECRET


def activity(workflow_id: str | None) -> ActivitySerializationContext:
    return ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="work",
        activity_task_queue="queue",
        workflow_id=workflow_id,
        workflow_type=None,
        is_local=False,
    )


def test_whose_a_payload_is_stands_in_the_id_of_its_workflow() -> None:
    assert organisation_of(run_of("17")) == "17"
    assert organisation_of(WorkflowSerializationContext("default", "17/7/8/each[1]/translate")) == "17"
    assert organisation_of(activity("17/7/8")) == "17"
    for unknown in (WorkflowSerializationContext("default", "readiness"), activity(None)):
        assert organisation_of(unknown) is None


async def test_what_belongs_to_nobody_is_encrypted_with_the_key_of_the_instance() -> None:
    keys = MemoryKeys()
    [payload] = await converter(keys).encode([SECRET])
    assert {*keys.newest} == {""}
    assert owner_of(payload) == ""
    assert await opened(keys, "mine", payload) == SECRET


@pytest.mark.parametrize(
    "text", ["x" * 500, '"' * 500, "长" * 500, "\x01" * 500, "🦀" * 500, "a\ud83d" * 200, "", "ok"]
)
async def test_a_title_of_any_characters_fits_beside_a_step_encrypted(text: str) -> None:
    keys = MemoryKeys()
    there = converter(keys, context=run_of("9" * 19))
    cut = summary(text)
    [payload] = await there.encode([cut])
    assert payload.ByteSize() <= SUMMARY_BYTES
    assert text.encode(errors="replace").decode().startswith(cut)
    assert len(text) < 20 or len(cut) >= 25
