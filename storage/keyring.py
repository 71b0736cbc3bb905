"""The keys that other keys are wrapped with: they come from outside, and are never stored beside what they protect."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.errors import FlowError, InvalidInput

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""What AES-GCM takes; random, so a key should seal no more than some billions of things: each secret has its own."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOW: Final = "Make one with `openssl rand -base64 32`."


class WrongKey(FlowError):
    """What is stored was encrypted with another key than those that are given, or is not what was stored."""

    code = "wrong_key"


class NoKey(FlowError):
    """Something is to be encrypted or decrypted, and this process was given no key."""

    code = "no_encryption_key"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A text of bytes under a key. `nonce` was used for nothing else."""

    nonce: bytes
    data: bytes


def new_key() -> bytes:
    """A key that nobody knows."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, clear: bytes, bound_to: str) -> Sealed:
    """Encrypt. It opens again only with the same words in `bound_to`: it cannot be moved to another place."""
    # Imported when first used: most commands of the command line need none of it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return Sealed(nonce, AESGCM(key).encrypt(nonce, clear, bound_to.encode()))


def unseal(key: bytes, sealed: Sealed, bound_to: str) -> bytes:
    """Decrypt. Raises `WrongKey` when key, place or content are not those of the sealing."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed.nonce, sealed.data, bound_to.encode())
    except (InvalidTag, ValueError) as error:
        # ValueError: a nonce of a length that none of ours has.
        raise WrongKey(
            "Something encrypted cannot be read: it was changed, moved, or made with another key."
        ) from error


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A key under the key `kek_id` of the ring."""

    kek_id: str
    nonce: bytes
    data: bytes


class KeyRing:
    """Key-encryption keys by their ids: one that wraps, and older ones that still unwrap."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """The first one is the current one."""
        if not keys:
            raise InvalidInput(f"There is no encryption key. {_HOW}", field="encryption_key")
        for kek_id, key in keys.items():
            if _NAME.fullmatch(kek_id) is None:
                raise InvalidInput(
                    "The id of an encryption key has 1 to 63 letters, digits, dots, hyphens and underscores.",
                    field="encryption_key",
                )
            if len(key) != KEY_BYTES:
                raise InvalidInput(
                    f"An encryption key has {KEY_BYTES} bytes; {kek_id} has {len(key)}. {_HOW}", field="encryption_key"
                )
        self._keys = dict(keys)
        self.current = next(iter(self._keys))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read `id:base64` or bare base64 (its id is then made of the key), several separated by commas or lines."""
        keys: dict[str, bytes] = {}
        for part in re.split(r"[,\n]", text):
            if not (part := part.strip()):
                continue
            named, colon, encoded = part.rpartition(":")
            key = _decode(encoded.strip())
            kek_id = named.strip() if colon else fingerprint_id(key)
            if kek_id in keys:
                raise InvalidInput(f"Two encryption keys have the id {kek_id}.", field="encryption_key")
            keys[kek_id] = key
        return cls(keys)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, the current one first."""
        return tuple(self._keys)

    def with_current(self, key: bytes) -> KeyRing:
        """A ring that wraps with a further key, and unwraps with all."""
        return KeyRing({fingerprint_id(key): key, **self._keys})

    def only_current(self) -> KeyRing:
        """A ring of the current key alone."""
        return KeyRing({self.current: self._keys[self.current]})

    def to_text(self) -> str:
        """What `parse` reads, for the file that keeps the keys."""
        return "".join(f"{kek_id}:{base64.b64encode(key).decode()}\n" for kek_id, key in self._keys.items())

    def check_value(self, kek_id: str) -> str:
        """What tells a key from another of the same id, and nothing of the key itself. Raises `WrongKey`."""
        return hmac.new(
            self._key(kek_id), b"mainspring: this is the key " + kek_id.encode(), hashlib.sha256
        ).hexdigest()

    def derived(self, kek_id: str, purpose: str) -> bytes:
        """A key for another purpose, which says nothing of the one it is made of. Raises `WrongKey`."""
        return hmac.new(self._key(kek_id), b"mainspring: key for " + purpose.encode(), hashlib.sha256).digest()

    def wrap(self, key: bytes, bound_to: str) -> Wrapped:
        """A key under the current one."""
        sealed = seal(self._keys[self.current], key, bound_to)
        return Wrapped(self.current, sealed.nonce, sealed.data)

    def unwrap(self, wrapped: Wrapped, bound_to: str) -> bytes:
        """The key. Raises `WrongKey`."""
        return unseal(self._key(wrapped.kek_id), Sealed(wrapped.nonce, wrapped.data), bound_to)

    def _key(self, kek_id: str) -> bytes:
        if (key := self._keys.get(kek_id)) is None:
            raise WrongKey(
                f"The encryption key {kek_id} is needed and not among those given ({', '.join(self._keys)}).",
                key_id=kek_id,
                given=[*self._keys],
            )
        return key


def needed(ring: KeyRing | None) -> KeyRing:
    """The ring. Raises `NoKey` when there is none."""
    if ring is None:
        raise NoKey("This needs an encryption key, and the stores were opened without one.")
    return ring


def fingerprint_id(key: bytes) -> str:
    """An id made of a key, which says nothing of it."""
    return f"k{hashlib.sha256(b'mainspring: id of the key ' + key).hexdigest()[:12]}"


def _decode(encoded: str) -> bytes:
    # Some tools leave the padding away, and some write the alphabet for addresses.
    encoded = encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4)
    try:
        key = base64.b64decode(encoded, altchars=b"-_" if {"-", "_"} & {*encoded} else None, validate=True)
    except (binascii.Error, ValueError) as error:
        # Without what was given: it may be a key with a slip in it.
        raise InvalidInput(f"An encryption key is not base64. {_HOW}", field="encryption_key") from error
    if len(key) != KEY_BYTES:
        raise InvalidInput(
            f"An encryption key has {KEY_BYTES} bytes; one has {len(key)}. {_HOW}", field="encryption_key"
        )
    return key
