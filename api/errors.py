"""What can be wrong with a request before anything of ours has looked at it."""

from __future__ import annotations

from engine.errors import FlowError


class Unauthenticated(FlowError):
    """Nobody is known by what the request carries."""

    code = "unauthenticated"


class PermissionDenied(FlowError):
    """Who asks is known, and may not."""

    code = "permission_denied"


class MalformedBody(FlowError):
    """The body is not what it says it is: not UTF-8, not JSON, or JSON that cannot be kept."""

    code = "malformed_body"


class UnsupportedBody(FlowError):
    """The body is of a kind that no route takes."""

    code = "unsupported_media_type"


class BodyTooLarge(FlowError):
    """The body is larger than the limit; the facts `limit` and `setting` say which."""

    code = "body_too_large"


class InvalidRequest(FlowError):
    """Fields of the request do not fit; the fact `errors` lists them."""

    code = "invalid_request"


class ModelTestFailed(FlowError):
    """A model that was about to be saved did not answer; the sentence has the provider's own words."""

    code = "model_test_failed"


class NotServed(FlowError):
    """This process cannot do it now: what it needs is not there. Trying again may help."""

    code = "not_available"
    retryable = True


class TooManyRequests(FlowError):
    """Asked too often; the fact `retry_after` says in how many seconds it is worth asking again."""

    code = "too_many_requests"
    retryable = True


class NotBuilt(FlowError):
    """Programs written for Coze ask for this, and it is not there yet."""

    code = "not_built"
