"""What is asked of a running server: whether it answers, and how long it keeps histories."""

from __future__ import annotations

from datetime import timedelta

from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.service import ConnectConfig, GrpcCompression, RPCError, ServiceClient

from workers.embedded.errors import EmbeddedTemporalError

_TIMEOUT = timedelta(seconds=2)


async def answers(address: str, namespace: str) -> bool:
    """Whether the server says that it is healthy and knows the namespace."""
    try:
        service = await _connect(address)
        healthy = await service.check_health(timeout=_TIMEOUT)
        await service.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=namespace), timeout=_TIMEOUT
        )
    except (RPCError, RuntimeError):  # the client reports a connection it cannot make as a RuntimeError
        return False
    return healthy


async def set_retention(address: str, namespace: str, days: int) -> None:
    """Make the namespace keep the histories of ended runs for so many days."""
    wanted = NamespaceConfig()
    wanted.workflow_execution_retention_ttl.FromTimedelta(timedelta(days=days))
    try:
        service = (await _connect(address)).workflow_service
        found = await service.describe_namespace(DescribeNamespaceRequest(namespace=namespace), timeout=_TIMEOUT)
        if found.config.workflow_execution_retention_ttl != wanted.workflow_execution_retention_ttl:
            await service.update_namespace(UpdateNamespaceRequest(namespace=namespace, config=wanted), timeout=_TIMEOUT)
    except (RPCError, RuntimeError) as refused:
        message = f"Temporal cannot be told to keep histories for {days} days: {refused}"
        raise EmbeddedTemporalError(message, days=days, namespace=namespace) from refused


async def _connect(address: str) -> ServiceClient:
    # Nothing leaves the machine: compressing would cost more than it saves.
    return await ServiceClient.connect(
        ConnectConfig(target_host=address, grpc_compression=GrpcCompression.NONE, connect_timeout=_TIMEOUT)
    )
