"""What the broker tells whoever keeps its state over a restart."""

from typing import Protocol

from localcloud.servicebus.broker.message import Message

__all__ = ["Forgetful", "Journal"]


class Journal(Protocol):
    """Takes notes; called inside every change, in order, with the path of the queue that it happened to.

    Locks are not among them: after a restart nobody holds one.
    """

    def kept(self, path: str, message: Message) -> None:
        """A message is there, new or changed."""

    def removed(self, path: str, number: int) -> None:
        """The message of that number is gone."""

    def session_set(self, path: str, session_id: str, state: bytes | None, updated_ms: int) -> None:
        """A session's state is this."""

    def seen(self, path: str, message_id: str, at_ms: int) -> None:
        """Duplicate detection has taken this id."""


class Forgetful:
    """Keeps nothing."""

    def kept(self, path: str, message: Message) -> None:
        """Forget it."""

    def removed(self, path: str, number: int) -> None:
        """Forget it."""

    def session_set(self, path: str, session_id: str, state: bytes | None, updated_ms: int) -> None:
        """Forget it."""

    def seen(self, path: str, message_id: str, at_ms: int) -> None:
        """Forget it."""
