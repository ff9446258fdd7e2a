"""What a queue may do to messages on their way in: repeat, delay, reorder and lose them.

A standard queue promises to deliver at least once and in no order, and mostly delivers once and in order.
Who relies on the second finds out late; a restless queue tells at once.
Source: Amazon SQS developer guide, standard queues; Amazon S3 user guide, event notifications.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Unrest:
    """Chances, from 0 to 1, of what may happen to a message that is sent.

    Attributes:
        chance: where the dice come from; seeded, so that a run can be repeated.
        repeat: that it is there twice, as two deliveries of one message.
        delay: that it shows later, by up to ``delay_seconds_max``.
        lose: that it never shows.
        reorder: that a receive takes messages in any order rather than in the order of sending.
    """

    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - no secret
    repeat: float = 0.0
    delay: float = 0.0
    delay_seconds_max: float = 1.0
    lose: float = 0.0
    reorder: float = 0.0

    def happens(self, rate: float) -> bool:
        """Throw the dice, unless the answer is known."""
        return rate > 0 and self.chance.random() < rate

    def copies(self) -> int:
        """How many deliveries a message that is sent becomes."""
        if self.happens(self.lose):
            return 0
        return 2 if self.happens(self.repeat) else 1

    def delay_seconds(self) -> float:
        """How long a delivery stays hidden at first."""
        return self.chance.uniform(0.0, self.delay_seconds_max) if self.happens(self.delay) else 0.0


CALM = Unrest()
"""Nothing happens, and no dice are thrown."""
