"""What a call to the outside can end in, in words for the user; why an address was refused goes to the log only."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx2
import structlog
from structlog.typing import FilteringBoundLogger

from engine.errors import FlowError, NodeFailed, NodeUnavailable

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class EgressRefused(NodeFailed):
    """The address may not be called. One text for every reason: the answer must not tell what is there."""

    code = "egress_refused"


class BadUrl(NodeFailed):
    """The text is no URL of a kind that can be called, or the request cannot be written down in HTTP."""

    code = "egress_bad_url"


class AnswerTooLarge(NodeFailed):
    """The answer is larger than the limit; the facts `limit_bytes` and `host` say which and whose."""

    code = "egress_too_large"


class EgressFailed(NodeFailed):
    """The other side cannot be worked with: trying again will not help."""

    code = "egress_failed"


class EgressUnavailable(NodeUnavailable):
    """The other side was not reached, or broke off: trying again may help."""

    code = "egress_unavailable"


class HostNotFound(httpx2.ConnectError):
    """The name has no address."""


def refused(reason: str, **seen: str | int) -> EgressRefused:
    """The refusal to raise. The reason, and what was seen of the address, go to the log here and nowhere else."""
    _log.warning("egress refused", reason=reason, **seen)
    return EgressRefused(
        "This address may not be called from here; an operator can allow it with MAINSPRING_EGRESS_ALLOW."
    )


def failure_behind(error: BaseException, host: str) -> FlowError | None:
    """The finding behind an error of the transport, also one that a vendor's SDK has wrapped; None if there is none."""
    for cause in _chain(error):
        if isinstance(cause, FlowError):
            return cause
        if isinstance(cause, httpx2.TransportError):
            return translate(cause, host)
    return None


def translate(error: httpx2.TransportError, host: str) -> FlowError:
    """What the network did, in words, and whether it is worth another try."""
    match error:
        case HostNotFound():
            return EgressUnavailable(f"{host} could not be found.", host=host)
        case httpx2.ConnectError() if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _chain(error)):
            return EgressFailed(f"The certificate of {host} was not accepted.", host=host)
        case httpx2.ConnectError():
            return EgressUnavailable(f"{host} could not be reached.", host=host)
        case httpx2.PoolTimeout():
            return EgressUnavailable(f"{host} was not called: too many calls are under way.", host=host)
        case httpx2.TimeoutException():
            return EgressUnavailable(f"{host} did not answer in time.", host=host)
        case httpx2.RemoteProtocolError():
            return EgressUnavailable(f"{host} did not give a whole HTTP answer.", host=host)
        case httpx2.NetworkError():
            return EgressUnavailable(f"The connection to {host} broke off.", host=host)
        case _:
            return EgressFailed(f"The request to {host} cannot be sent: {error}", host=host)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
