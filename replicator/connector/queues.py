"""What the two ends of a queue's pipeline tell of themselves, so that they can be compared beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from replicator.connector.registry import Finding


@dataclass(frozen=True, slots=True)
class QueueTraits:
    """What a queue is set to, and what waits in it; None where that is not known.

    Attributes:
        ordered: whether messages have groups whose order is kept.
        message_bytes_max: the largest message that it takes, attributes included.
        retention_seconds: how long it keeps a message.
        visibility_seconds: for how long a consumer has a message to itself unless it asks for more.
        deliveries_max: deliveries after which a message is a dead letter; None where it never is.
        backlog_messages: about how many wait in it.
    """

    ordered: bool | None = None
    message_bytes_max: int | None = None
    retention_seconds: float | None = None
    visibility_seconds: float | None = None
    deliveries_max: int | None = None
    backlog_messages: int | None = None


@runtime_checkable
class Describes(Protocol):
    """A source of messages that can say what its queue is like."""

    async def describe(self) -> QueueTraits:
        """The traits; nothing is received and nothing changed.

        Raises:
            TransientError, PermanentError: they cannot be read; its probe says the same.
        """


@runtime_checkable
class Compares(Protocol):
    """A sink of messages that can say how it differs from the queue that they come from."""

    async def compare(self, traits: QueueTraits) -> Sequence[Finding]:
        """What will not hold between the two, each with a hint; what its probe says is not said again.

        Nothing is sent and nothing changed. Raises as ``describe`` does.
        """
