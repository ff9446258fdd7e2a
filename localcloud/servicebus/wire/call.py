"""What a client asks for, in the form in which faults can befall it."""

from collections.abc import Callable
from dataclasses import dataclass

from localcloud.servicebus.broker.errors import RefusedError

__all__ = ["Call"]


def _nothing() -> None:
    """Lose no lock."""


def _stay(_: RefusedError) -> None:
    """End no link."""


@dataclass(slots=True)
class Call:
    """Something that a client asked for, as faults see it.

    Attributes:
        operation: its name; see `Fault`.
        path: of the queue.
        act: does it, and returns what answers.
        refuse: answers that it was refused.
        lose_lock: lets the lock expire that it is about.
        end: ends the link that it came over.
    """

    operation: str
    path: str
    act: Callable[[], Callable[[], None]]
    refuse: Callable[[RefusedError], None]
    lose_lock: Callable[[], None] = _nothing
    end: Callable[[RefusedError], None] = _stay
