"""A message in a queue: what the broker knows of it, and the bytes that it passes on untouched."""

from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["Message", "State"]


class State(IntEnum):
    """Where a message is in its life; the number is what ``x-opt-message-state`` says."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(slots=True, eq=False)
class Message:
    """A message.

    Attributes:
        payload: properties, application properties and body, as the sender encoded them.
        application: where the application properties are in `payload`, from and to; equal where none are.
        annotations: the sender's own annotations as encoded keys and values; the broker's are written anew.
        size_bytes: as sent; counts against the queue's size.
        message_id: as text, None where the sender gave none.
        session_id: the group id; None where the sender gave none.
        partition_key: an annotation that is passed on.
        durable: from the header.
        priority: from the header.
        ttl_ms: from the header, then clamped by the queue; None is forever.
        scheduled_ms: when it wants to become active, since the epoch.
        number: the sequence number, from 1; another one once a scheduled message becomes active.
        first_number: the one that it had before it came to a dead-letter queue.
        enqueued_ms: when it became active, since the epoch.
        expires_ms: when it expires, since the epoch.
        deliveries: failed deliveries.
        state: active, deferred or scheduled; it keeps it while it is locked.
        tag: of its lock, 16 bytes: a GUID, little-endian; None while it is not locked.
        locked_until_ms: when that lock ends; a session's messages have their session's.
    """

    payload: bytes
    application: tuple[int, int] = (0, 0)
    annotations: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    message_id: str | None = None
    session_id: str | None = None
    partition_key: str | None = None
    durable: bool | None = None
    priority: int | None = None
    ttl_ms: int | None = None
    scheduled_ms: int | None = None
    number: int = 0
    first_number: int | None = None
    enqueued_ms: int = 0
    expires_ms: int | None = None
    deliveries: int = 0
    state: State = State.ACTIVE
    tag: bytes | None = None
    locked_until_ms: int = 0

    def expired(self, now_ms: int) -> bool:
        """Whether its life is over."""
        return self.expires_ms is not None and self.expires_ms <= now_ms
