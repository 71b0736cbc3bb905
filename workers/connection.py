"""The connection to Temporal that a process shares: its client, and how values become payloads on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadCodec
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from engine.errors import FlowError, InvalidInput
from storage.ports import Blobs, DataKeys
from workers.big_values import BigValues
from workers.byte_cache import ByteCache
from workers.codec import ClaimCheckCodec
from workers.converter import JsonPayloadConverter
from workers.encryption import EncryptedFailures, EncryptionCodec, OrganisationsConverter, PayloadKeys
from workers.workflows import attributes

SEARCH_ATTRIBUTES = {key.name: "Keyword" for key in attributes.KEYS}
"""What the namespace must know, by type; an embedded server takes it at its start."""

_MEGABYTE = 1024 * 1024


class RunsUnavailable(FlowError):
    """Temporal cannot be reached, or no worker answers: the same again may succeed in a moment."""

    code = "runs_unavailable"
    retryable = True


@dataclass(frozen=True)
class TemporalOptions:
    """Where Temporal is, and what it is sent.

    Payloads over `largest_payload` bytes go to the blob store instead. Payloads are encrypted where there are keys,
    unless `encrypt_payloads` is off; what was encrypted before is read all the same.
    """

    address: str = "127.0.0.1:7233"
    namespace: str = "default"
    task_queue: str = "mainspring"
    largest_payload: int = 16 * 1024
    cache_bytes: int = 64 * _MEGABYTE
    encrypt_payloads: bool = True


@dataclass(frozen=True)
class Connection:
    """Made by `connect`. One per process: a run started over it may begin on this process's worker at once."""

    client: Client
    values: BigValues
    options: TemporalOptions


def payload_codec(options: TemporalOptions, blobs: Blobs, keys: DataKeys | None) -> EncryptionCodec:
    """What payloads go through: they are encrypted first, so that what lies in the blob store is encrypted too."""
    stored = ClaimCheckCodec(blobs, largest=options.largest_payload, cache=ByteCache(options.cache_bytes // 2))
    known = None if keys is None else PayloadKeys(keys)
    return EncryptionCodec(stored, known, encrypt=options.encrypt_payloads)


def data_converter(codec: PayloadCodec, *, encrypted: bool) -> DataConverter:
    """How values become payloads. What errors say goes to Temporal as a payload too when those are `encrypted`."""
    failures = EncryptedFailures if encrypted else DefaultFailureConverter
    return OrganisationsConverter(
        payload_converter_class=JsonPayloadConverter, payload_codec=codec, failure_converter_class=failures
    )


async def connect(
    options: TemporalOptions, blobs: Blobs, keys: DataKeys | None = None, *, lazy: bool = False
) -> Connection:
    """Connect; a `lazy` connection is made at its first use, but no worker can run on it.

    Without `keys` payloads are in clear. Raises `RunsUnavailable`, and `InvalidInput` for an address that is none.
    """
    codec = payload_codec(options, blobs, keys)
    converter = data_converter(codec, encrypted=keys is not None and options.encrypt_payloads)
    with _answering(options):
        client = await Client.connect(
            options.address,
            namespace=options.namespace,
            data_converter=converter,
            identity=f"mainspring@{socket.gethostname()}:{os.getpid()}",
            lazy=lazy,
            # Nothing leaves the machine: compressing costs more than it saves.
            grpc_compression=GrpcCompression.NONE if _is_local(options.address) else GrpcCompression.GZIP,
        )
    return Connection(client, BigValues(blobs, ByteCache(options.cache_bytes)), options)


async def cluster_id(connection: Connection) -> str:
    """What tells the cluster from every other, whatever its address: it was made with the cluster's database.

    Raises `RunsUnavailable`.
    """
    with _answering(connection.options):
        return (await connection.client.workflow_service.get_cluster_info(GetClusterInfoRequest())).cluster_id


async def ensure_search_attributes(connection: Connection) -> None:
    """Add the search attributes that the namespace lacks. Without them no run can be started.

    Raises `RunsUnavailable`.
    """
    client = connection.client
    namespace = connection.options.namespace
    operator = client.operator_service
    with _answering(connection.options):
        found = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    missing = _missing(found.custom_attributes)
    if not missing:
        return
    wanted = dict.fromkeys(missing, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
    asked = AddSearchAttributesRequest(namespace=namespace, search_attributes=wanted)
    with _answering(connection.options):
        try:
            await operator.add_search_attributes(asked)
        except RPCError as error:
            # Two processes that start together both find them missing.
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise


@contextmanager
def _answering(options: TemporalOptions) -> Generator[None]:
    """Say in our words that Temporal does not answer, or not as it should."""
    try:
        yield
    except ValueError as error:
        raise InvalidInput(
            f"TEMPORAL_ADDRESS is {options.address!r}, and must be a host and a port: {error}.",
            field="TEMPORAL_ADDRESS",
        ) from error
    except (RPCError, RuntimeError) as error:
        raise RunsUnavailable(
            f"Temporal does not answer at {options.address}.", address=options.address, reason=str(error)
        ) from error


def _missing(known: Iterable[str]) -> list[str]:
    there = set(known)
    return [name for name in SEARCH_ATTRIBUTES if name not in there]


def _is_local(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
