"""What Temporal keeps of a run is encrypted, with a key per organisation: whoever reads it there reads no value."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Final, Protocol, Self

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    PayloadConverter,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from engine.errors import FlowError, NotFound
from storage.ports import DataKey, DataKeys

ENCRYPTED: Final = b"binary/encrypted"
"""The encoding that an encrypted payload says it has. Beside it stand in clear: the id of the key, and whose it is."""

_ENCODING: Final = "encoding"
_KEY: Final = "key"
_ORGANISATION: Final = "org"
_VERSION: Final = "version"
_FIRST: Final = b"1"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
# Organisations that are known at a time; beyond them all are made again.
_KEPT: Final = 10_000
# Below this a thread costs more than the work: a processor encrypts a gigabyte or two in a second.
_WORTH_A_THREAD: Final = 256 * 1024


class PayloadUnreadable(FlowError):
    """A payload cannot be decrypted here; the fact `key_id` says with which key it could be."""

    code = "payload_unreadable"


class _Aead(Protocol):
    """AES-256-GCM with one key."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


class PayloadKeys:
    """The data keys of a process, made ready and kept: the store remembers which one is current, we how it works."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys
        self._ready: dict[str, _Aead] = {}

    async def current(self, org_id: str) -> tuple[str, _Aead]:
        """The id of the key that payloads of the organisation are encrypted with, and the key."""
        key = await self._keys.current(org_id)
        return key.key_id, self._ready.get(key.key_id) or self._make_ready(key)

    async def get(self, key_id: str) -> _Aead:
        """The key of this id. Raises `PayloadUnreadable`: what is missing is asked for again the next time."""
        if (ready := self._ready.get(key_id)) is not None:
            return ready
        try:
            return self._make_ready(await self._keys.get(key_id))
        except NotFound as missing:
            raise PayloadUnreadable(
                f"A payload in Temporal is encrypted with the key {key_id}, which is not in the store.", key_id=key_id
            ) from missing
        except FlowError as locked:
            if locked.retryable:
                raise
            raise PayloadUnreadable(
                f"A payload in Temporal is encrypted with the key {key_id}, which cannot be opened: {locked.message}",
                key_id=key_id,
            ) from locked

    def _make_ready(self, key: DataKey) -> _Aead:
        # Imported when first used: a process that has no keys needs none of it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(self._ready) >= _KEPT:
            self._ready.clear()
        ready: _Aead = AESGCM(key.key)
        self._ready[key.key_id] = ready
        return ready


class EncryptionCodec(PayloadCodec, WithSerializationContext):
    """Encrypts what goes to Temporal and decrypts what comes back; `inner` then takes care of how large it is.

    Temporal says with each payload to which workflow it belongs, and the id of a workflow begins with its organisation.
    A payload is bound to organisation and key, and to no workflow: it is handed on from parent to child, and from one
    history to the next. What is in clear, because it is older than the first key, is read as it is.
    """

    def __init__(
        self, inner: PayloadCodec, keys: PayloadKeys | None, *, encrypt: bool = True, org_id: str | None = None
    ) -> None:
        """Without `encrypt` new payloads stay in clear, and encrypted ones can still be read. Without keys neither.

        `org_id` is whose payloads these are; None when that is not known: then the instance's own key is used.
        """
        self.inner = inner
        self._keys = keys
        self._encrypt = encrypt
        self._org_id = org_id
        self._bound: dict[str | None, EncryptionCodec] = {org_id: self}

    def with_context(self, context: SerializationContext) -> Self:
        return self.of(organisation_of(context))

    def of(self, org_id: str | None) -> Self:
        """The codec for the payloads of one organisation."""
        bound = self._bound.get(org_id)
        if bound is None:
            if len(self._bound) >= _KEPT:
                self._bound.clear()
            bound = type(self)(self.inner, self._keys, encrypt=self._encrypt, org_id=org_id)
            # From any of them the way leads to all others.
            bound._bound = self._bound
            self._bound[org_id] = bound
        return bound  # type: ignore[return-value]

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        if self._keys is None or not self._encrypt:
            return await self.inner.encode(payloads)
        org_id = self._org_id or ""
        key_id, key = await self._keys.current(org_id)
        sealed: list[Payload] = []
        for payload in payloads:
            if len(payload.data) > _WORTH_A_THREAD:
                sealed.append(await asyncio.to_thread(_seal, payload, org_id, key_id, key))
            else:
                sealed.append(_seal(payload, org_id, key_id, key))
        return await self.inner.encode(sealed)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            await self._open(payload) if payload.metadata.get(_ENCODING) == ENCRYPTED else payload
            for payload in await self.inner.decode(payloads)
        ]

    async def _open(self, payload: Payload) -> Payload:
        key_id = payload.metadata[_KEY].decode(errors="replace")
        owner = payload.metadata[_ORGANISATION].decode(errors="replace")
        if self._keys is None:
            raise PayloadUnreadable(
                f"A payload in Temporal is encrypted with the key {key_id}, and this process was given no keys.",
                key_id=key_id,
            )
        if payload.metadata[_VERSION] != _FIRST:
            raise PayloadUnreadable(
                "A payload in Temporal was encrypted by a later version, in a form that this one does not know.",
                key_id=key_id,
            )
        if owner and self._org_id is not None and owner != self._org_id:
            raise PayloadUnreadable(
                "A payload in Temporal stands in the history of another organisation than the one it belongs to.",
                key_id=key_id,
            )
        key = await self._keys.get(key_id)
        if len(payload.data) > _WORTH_A_THREAD:
            return await asyncio.to_thread(_unseal, payload, owner, key_id, key)
        return _unseal(payload, owner, key_id, key)


class EncryptedFailures(DefaultFailureConverterWithEncodedAttributes):
    """What an error says, and where it comes from, goes to Temporal as a payload; its code stays in clear."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, PayloadUnreadable):
            # It tells of a key, and no value. Who looks for the reason may have nothing to decrypt it with.
            failure.message = exception.message


class OrganisationsConverter(DataConverter):
    """Keeps the converter that it made for an organisation: Temporal asks for one with every single payload."""

    _made: dict[str | None, Self]

    def __post_init__(self) -> None:
        super().__post_init__()
        # Frozen, as the class it stands for.
        object.__setattr__(self, "_made", {})

    def with_context(self, context: SerializationContext) -> Self:
        org_id = organisation_of(context)
        made = self._made.get(org_id)
        if made is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            made = self._made[org_id] = super().with_context(context)
        return made


def owner_of(payload: Payload) -> str | None:
    """The organisation that an encrypted payload says it belongs to; None for one in clear."""
    if payload.metadata.get(_ENCODING) != ENCRYPTED:
        return None
    return payload.metadata[_ORGANISATION].decode(errors="replace")


def organisation_of(context: SerializationContext) -> str | None:
    """Whose the payloads of a workflow are: its id is `organisation/workflow/run`, and a place behind it."""
    if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
        return None
    org_id, slash, _ = (context.workflow_id or "").partition("/")
    return org_id if slash else None


def _seal(payload: Payload, org_id: str, key_id: str, key: _Aead) -> Payload:
    # A random nonce, also for what was sealed before: GCM gives its key away when a nonce is used for two contents.
    nonce = os.urandom(_NONCE_BYTES)
    data = key.encrypt(nonce, payload.SerializeToString(), _bound_to(org_id, key_id))
    return Payload(
        metadata={
            _ENCODING: ENCRYPTED,
            _KEY: key_id.encode(),
            _ORGANISATION: org_id.encode(),
            _VERSION: _FIRST,
        },
        data=nonce + data,
    )


def _unseal(payload: Payload, org_id: str, key_id: str, key: _Aead) -> Payload:
    from cryptography.exceptions import InvalidTag

    nonce, data = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
    try:
        if len(data) < _TAG_BYTES:
            raise InvalidTag
        return Payload.FromString(key.decrypt(nonce, data, _bound_to(org_id, key_id)))
    except InvalidTag as error:
        raise PayloadUnreadable(
            f"A payload in Temporal does not open with the key {key_id} that it names: it was changed, or moved here"
            " from elsewhere.",
            key_id=key_id,
        ) from error


def _bound_to(org_id: str, key_id: str) -> bytes:
    """What must be the same at opening. Neither id holds a zero byte, so no two pairs look alike."""
    return b"mainspring payload\0" + _FIRST + b"\0" + org_id.encode() + b"\0" + key_id.encode()
