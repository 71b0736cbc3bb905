"""What an OAuth application signs (a JWT), read with suspicion: who signed, for which server, when, and only once."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from api.errors import Unauthenticated

ALGORITHM: Final = "RS256"
"""The only one. With a choice, a public key would do as the secret of another."""
SKEW_SECONDS: Final = 60
"""How far the clocks of two machines may be apart."""
LONGEST_SECONDS: Final = 3_600
LONGEST_TEXT: Final = 8_192
_LONGEST_ID: Final = 255
_LONGEST_NAME: Final = 191


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who says to have signed, before anything is believed."""

    client_id: str
    kid: str


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed."""

    jti: str
    expires: int
    """Until when it could be shown again, in UTC milliseconds."""
    session_name: str


def claimed(text: str) -> Claimed:
    """Who says to have signed, so that the key can be looked up. Raises `Unauthenticated`."""
    # Imported here: a start has no use for it.
    import jwt

    if not 1 <= len(text) <= LONGEST_TEXT:
        raise Unauthenticated("Send what the application signed: Authorization: Bearer <JWT>.")
    try:
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(text, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise Unauthenticated("This is no JWT.") from None
    if header.get("alg") != ALGORITHM:
        raise Unauthenticated(f"The algorithm must be {ALGORITHM}.")
    if header.get("typ", "JWT") != "JWT" or "crit" in header:
        raise Unauthenticated("The header of the JWT asks for what is not understood here.")
    kid, issuer = header.get("kid"), claims.get("iss")
    if not _is_text(kid) or not kid or not _is_text(issuer) or not issuer:
        raise Unauthenticated("The JWT must name its key (kid) and the application (iss).")
    return Claimed(issuer[:_LONGEST_ID], kid[:_LONGEST_ID])


def verified(text: str, pem: str, client_id: str, hosts: Collection[str]) -> Signed:
    """What was signed with the other half of this key. Raises `Unauthenticated`."""
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            text,
            pem,
            algorithms=[ALGORITHM],
            audience=[*hosts],
            issuer=client_id,
            leeway=SKEW_SECONDS,
            options={"require": ["iss", "aud", "iat", "exp", "jti"]},
        )
    except jwt.InvalidAudienceError:
        # The hosts are no secret: one of them was called.
        raise Unauthenticated(
            f"The JWT is not for this server: its aud must be {' or '.join(sorted(hosts))}."
        ) from None
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The JWT has expired.") from None
    except jwt.ImmatureSignatureError:
        raise Unauthenticated("The JWT is from the future: the clocks are too far apart.") from None
    except jwt.MissingRequiredClaimError as error:
        raise Unauthenticated(f"The JWT lacks {error.claim}.") from None
    except jwt.PyJWTError:
        raise Unauthenticated("The signature of the JWT is not good.") from None
    issued, expires, jti = claims["iat"], claims["exp"], claims["jti"]
    name = claims.get("session_name") or ""
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        # The library takes texts for numbers.
        raise Unauthenticated("The iat and exp of the JWT must be numbers of seconds.")
    if expires - issued > LONGEST_SECONDS + SKEW_SECONDS or expires > time.time() + LONGEST_SECONDS + SKEW_SECONDS:
        raise Unauthenticated(f"A JWT is good for {LONGEST_SECONDS} seconds at most.")
    if not _is_text(jti) or not 1 <= len(jti) <= _LONGEST_ID:
        raise Unauthenticated("The jti of the JWT must be a text of its own, of 255 characters at most.")
    if not _is_text(name) or len(name) > _LONGEST_NAME:
        raise Unauthenticated(f"The session_name of the JWT is a text of {_LONGEST_NAME} characters at most.")
    return Signed(jti, int((expires + SKEW_SECONDS) * 1_000) + 1_000, name.strip())


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text that can be kept: JSON can write half a pair of surrogates, which no database takes."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False
