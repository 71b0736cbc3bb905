"""What the tests of the workers share."""

from tests.workers.temporal_fixture import temporal_server

__all__ = ["temporal_server"]
