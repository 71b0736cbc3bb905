"""RSA keys of OAuth applications: what may be one, what it is called, and a fresh pair."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_FEWEST_BITS: Final = 2048
_MOST_BITS: Final = 8192
"""What checks a signature takes longer with every bit."""
_MADE_BITS: Final = 3072


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key in the form in which it is kept, and its fingerprint."""

    kid: str
    pem: str


def read_public_key(text: str) -> PublicKey:
    """The public key that a PEM text holds. Raises `InvalidInput`."""
    # Imported here: a start has no use for it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY" in text:
        raise InvalidInput("This is a private key: keep it, and send the public one.", field="public_key")
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput("This is no public key in PEM.", field="public_key") from None
    if not isinstance(key, RSAPublicKey):
        raise InvalidInput("The key must be one of RSA.", field="public_key")
    if not _FEWEST_BITS <= key.key_size <= _MOST_BITS:
        raise InvalidInput(
            f"An RSA key has {_FEWEST_BITS} to {_MOST_BITS} bits; this one has {key.key_size}.", field="public_key"
        )
    if key.public_numbers().e < 65_537:
        raise InvalidInput("The exponent of the key is too small: 65537 is usual.", field="public_key")
    return _kept(key)


async def make_key_pair() -> tuple[str, PublicKey]:
    """A private key, in PEM, and its other half."""
    return await asyncio.to_thread(_make)


def _make() -> tuple[str, PublicKey]:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = generate_private_key(65_537, _MADE_BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, _kept(key.public_key())


def _kept(key: RSAPublicKey) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    kid = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    return PublicKey(kid, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
