"""One standard queue whose messages come shuffled, late or twice, as a script wants it."""

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from localcloud.aws.dice import dice
from localcloud.aws.queues.ghosts import Ghosts

__all__ = ["Disorder", "Unruly"]

_ISSUED_MAX = 100_000


class Disorder(BaseModel):
    """How a standard queue behaves.

    Attributes:
        seed: from which all is drawn, in the order of the calls.
        shuffle: whether the messages of one answer are in random order.
        repeat: the share of messages, 0 to 1, that come a second time after they were deleted.
        again_seconds: up to how much later they do.
        late: the share of messages that are sent with a delay, where the sender asks for none.
        late_seconds: how long that is at most; whole seconds, at least one.
    """

    model_config = ConfigDict(extra="forbid")

    seed: int = 0
    shuffle: bool = False
    repeat: float = Field(default=0.0, ge=0, le=1)
    again_seconds: float = Field(default=0.0, ge=0)
    late: float = Field(default=0.0, ge=0, le=1)
    late_seconds: int = Field(default=1, ge=1, le=900)


class Unruly:
    """The state of a queue in disorder; messages and requests are as the JSON protocol has them."""

    def __init__(self, disorder: Disorder) -> None:
        self.disorder = disorder
        self.ghosts = Ghosts()
        # One die for each purpose, so that the number of receives does not change who is late.
        self._shuffles, self._repeats, self._delays = (
            dice(disorder.seed, purpose) for purpose in ("shuffle", "repeat", "late")
        )
        self._issued: dict[str, dict[str, Any]] = {}

    def delay(self, message: dict[str, Any]) -> None:
        """Give a message that is sent its delay, if it is to be late."""
        struck, share = self._delays.random() < self.disorder.late, self._delays.random()
        if struck and "DelaySeconds" not in message:
            message["DelaySeconds"] = max(1, math.ceil(share * self.disorder.late_seconds))

    def ask(self, request: dict[str, Any], now: float) -> None:
        """Change what is asked of ministack, so that there is room and no wait for what comes again."""
        visible, soon = self.ghosts.visible(now), self.ghosts.next_seconds(now)
        wanted = int(request.get("MaxNumberOfMessages", 1))
        request["MaxNumberOfMessages"] = max(1, wanted - visible)
        if soon is not None:
            wait = int(request.get("WaitTimeSeconds", 0))
            request["WaitTimeSeconds"] = min(wait, max(0, math.ceil(soon)))

    def hand_out(
        self, messages: list[dict[str, Any]], wanted: int, now: float, visibility_seconds: float
    ) -> list[dict[str, Any]]:
        """Return what a receiver gets who wanted so many, when ministack gave `messages`."""
        if self.disorder.repeat:
            self._issued.update((message["ReceiptHandle"], message) for message in messages)
            while len(self._issued) > _ISSUED_MAX:
                del self._issued[next(iter(self._issued))]
        handed = [*messages, *self.ghosts.receive(wanted - len(messages), now, visibility_seconds)]
        if self.disorder.shuffle:
            self._shuffles.shuffle(handed)
        return handed

    def deleted(self, handle: str, now: float) -> None:
        """Note that the message of a handle was deleted in ministack; it may come again."""
        message = self._issued.pop(handle, None)
        if message is not None and self._repeats.random() < self.disorder.repeat:
            self.ghosts.add(message, now + self._repeats.random() * self.disorder.again_seconds)

    def emptied(self) -> None:
        """Forget all messages: the queue was purged or deleted."""
        self.ghosts = Ghosts()
        self._issued.clear()
