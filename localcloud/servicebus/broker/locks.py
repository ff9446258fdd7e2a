"""Locks on messages: who holds a tag may settle, until it expires."""

import os
from heapq import heappop, heappush
from itertools import count

from localcloud.servicebus.broker.errors import message_lock_lost
from localcloud.servicebus.broker.message import Message

__all__ = ["Locks"]


class Locks:
    """The locked messages of one queue, by tag.

    A message of a session is locked as long as its session is, and never falls due by itself.
    """

    def __init__(self) -> None:
        self._by_tag: dict[bytes, Message] = {}
        # Tags are unique beyond this process, so that one from before a restart is known to be lost.
        self._stem, self._numbers = os.urandom(8), count()
        # When a tag expires; may name tags that are settled or renewed.
        self._due: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._by_tag)

    def grant(self, message: Message, until_ms: int, *, expires: bool = True) -> bytes:
        """Lock a message and return the tag."""
        tag = self._stem + next(self._numbers).to_bytes(8, "big")
        message.tag, message.locked_until_ms = tag, until_ms
        self._by_tag[tag] = message
        if expires:
            heappush(self._due, (until_ms, tag))
        return tag

    def get(self, tag: bytes) -> Message | None:
        """Return the message that a tag locks, or locked until it expired."""
        return self._by_tag.get(tag)

    def find(self, tag: bytes, now_ms: int) -> Message:
        """Return the message that a tag locks.

        Raises:
            RefusedError: the lock is lost.
        """
        message = self._by_tag.get(tag)
        if message is None or message.locked_until_ms <= now_ms:
            raise message_lock_lost()
        return message

    def renew(self, message: Message, until_ms: int) -> None:
        """Let a lock last longer."""
        message.locked_until_ms = until_ms
        if message.tag is not None:
            heappush(self._due, (until_ms, message.tag))

    def release(self, message: Message) -> None:
        """Unlock a message."""
        if message.tag is not None:
            self._by_tag.pop(message.tag, None)
            message.tag = None
        self._drop_settled()

    def expired(self, now_ms: int) -> list[Message]:
        """Return the messages whose locks have expired."""
        found = []
        while self._due and self._due[0][0] <= now_ms:
            message = self._by_tag.get(heappop(self._due)[1])
            if message is not None and message.locked_until_ms <= now_ms:
                found.append(message)
        return found

    def _drop_settled(self) -> None:
        # Messages are settled about as they were locked, so this keeps the heap as small as what is locked.
        while self._due and self._due[0][1] not in self._by_tag:
            heappop(self._due)
