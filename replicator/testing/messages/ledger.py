"""What really happened to the messages of a world, noted without the engine; and the checks against it.

Every message has a number, in the order of sending, which is its body's beginning. The ledger watches the
queue, the bus and the dead letters on our own disk, so it sees what every process, and every call that
landed late, did to them. It shares no code with the engine.

What is checked:

- every message arrives, as it was sent, or an operator has waived it;
- within the bus's window of duplicates none arrives twice;
- none of a group arrives before one that was sent earlier in it, unless that one was waived; least of all
  while that one is an open dead letter;
- none is sent after it was waived, but for the time between looking that up and sending; and no mark ever;
- a message is deleted from the queue only when it is on the bus or was kept as a dead letter;
- nothing is taken from a queue that is held, and what is said to wait in it is what waits in it;
- the lag is no less than the age of the oldest message that has not arrived and is no dead letter;
- a barrier that returns, and a gate that is open, have brought everything that was sent before.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.memory.messages.bus import Posted
from connectors.memory.messages.codec import MARK
from connectors.memory.messages.queue import Sent
from replicator.model.clock import Clock
from replicator.model.record import Message, record_from_json
from replicator.stores import DeadLetter
from replicator.testing.messages.systems import WatchedBus
from replicator.testing.network import BEGUN_AT
from replicator.testing.queues import WatchedQueue
from replicator.testing.violations import Violations


class Told(NamedTuple):
    """A message as its sender knows it."""

    number: int
    body: str
    group: str | None
    sent_at: float


@dataclass(slots=True)
class Ledger:
    """The notes. ``violations`` is what is wrong, in words, oldest first.

    ``held`` says whether the queue is held at the moment.
    """

    queue: WatchedQueue
    bus: WatchedBus
    clock: Clock
    window_seconds: float
    call_seconds_max: float
    violations: Violations = field(default_factory=Violations)
    numbers: int = 0
    gate_openings: int = 0
    held: bool = False
    _sent: list[Told] = field(default_factory=list)
    _groups: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    _arrived: dict[int, float] = field(default_factory=dict)  # a message's number to its last arrival
    _letters: dict[int, str] = field(default_factory=dict)  # a message's number to its letter's state
    _waived: dict[int, float] = field(default_factory=dict)  # a message's number to when, in loop's time
    _waiting: list[tuple[float, int]] = field(default_factory=list)  # when so many waited in the queue

    def __post_init__(self) -> None:
        self.queue.receiving = self._taken
        self.queue.deleting = self._deleted
        self.bus.arriving = self._arrive

    # What is noted.

    def send(self, text: str, group: str | None) -> None:
        """Send a message, and know of it."""
        self.numbers += 1
        told = Told(self.numbers, f"{self.numbers}:{text}", group, self.clock.wall())
        self._sent.append(told)
        if group is not None:
            self._groups[group].append(told)
        self.queue.send(told.body, None, group, f"d{told.number}" if group is not None else None)
        self._waiting.append((self.clock.wall(), self.queue.counts().waiting))

    def kept(self, letter: DeadLetter) -> None:
        """A dead letter is durable, or was settled."""
        number = _number_of(letter.record)
        self._letters[number] = letter.state
        if letter.state == "waived":
            self._waived[number] = asyncio.get_running_loop().time()

    # What is checked as it happens.

    def _taken(self) -> None:
        if self.held:
            self.violations.add("something was taken from a queue that is held")

    def _deleted(self, message: Sent) -> None:
        if MARK in message.attributes:
            return
        number = int(message.body.partition(":")[0])
        if number not in self._arrived and number not in self._letters:
            self.violations.add(f"#{number} is deleted, and neither on the bus nor a dead letter")

    def _arrive(self, posted: Posted) -> None:
        message = record_from_json(posted.body)
        if not isinstance(message, Message) or MARK in message.attributes:
            self.violations.add(f"{posted.id} arrived, and is no message of anybody")
            return
        told = self._sent[_number_of(message) - 1]
        if (message.body, message.group, posted.session) != (told.body, told.group, told.group):
            self.violations.add(f"#{told.number} arrived as {message}")
        if self._letters.get(told.number) == "waived":
            late = BEGUN_AT.get() - self._waived[told.number]
            if late > self.call_seconds_max:
                self.violations.add(f"#{told.number} was sent {late:.3f} s after it was waived")
        last = self._arrived.get(told.number)
        if last is not None and self.clock.wall() < last + self.window_seconds:
            self.violations.add(f"#{told.number} arrived twice within {self.clock.wall() - last:.3f} s")
        if last is None and told.group is not None:
            self._check_order(told.group, told.number)
        self._arrived[told.number] = self.clock.wall()

    def _check_order(self, group: str, number: int) -> None:
        for told in self._groups[group]:
            if told.number >= number:
                return
            if told.number in self._arrived:
                continue
            if told.number not in self._waived:
                self.violations.add(f"#{number} of {group} arrived before #{told.number}")
            elif self._letters[told.number] == "open":
                self.violations.add(
                    f"#{number} of {group} overtook #{told.number}, a dead letter once more"
                )

    def reported(self, seconds: float) -> None:
        """The engine said that it is no further behind than this."""
        promised = self.clock.wall() - seconds
        for told in self._sent:
            if told.sent_at >= promised:
                return
            if not self._is_accounted_for(told.number):
                self.violations.add(
                    f"a lag of {seconds:.3f} s at most was reported, but #{told.number} has been on its way"
                    f" for {self.clock.wall() - told.sent_at:.3f} s"
                )

    def proved(self, number: int, how: str) -> None:
        """The engine proved that everything up to this number is applied."""
        for told in self._sent[:number]:
            if not self._is_accounted_for(told.number):
                self.violations.add(
                    f"applied {how}, but #{told.number} neither arrived nor is a dead letter"
                )

    def opened(self, seconds: float) -> None:
        """The gate of a queue that is moved is open: all older messages arrived, or were waived."""
        self.gate_openings += 1
        for told in self._sent:
            is_over = told.number in self._arrived or told.number in self._waived
            if told.sent_at < self.clock.wall() - seconds and not is_over:
                self.violations.add(f"the gate is open, but #{told.number} never arrived")

    def opened_held(self, waiting: int, seconds: float) -> None:
        """The gate of a held queue is open: so many wait, as was seen not longer ago than this."""
        self.gate_openings += 1
        seen_at = self.clock.wall() - seconds
        least = max((count for at, count in self._waiting if at <= seen_at), default=0)
        most = self.queue.counts().waiting
        if not least <= waiting <= most:
            self.violations.add(f"{waiting} messages are said to wait, and there are {least} to {most}")

    # What is checked in the end.

    def differences(self) -> list[str]:
        """Every message that is not where it should be."""
        over = self._arrived.keys() | self._waived.keys()
        return [f"#{told.number}" for told in self._sent if told.number not in over]

    def freeze(self) -> None:
        """Nothing is sent any more. What arrives again is told by the other checks."""

    def _is_accounted_for(self, number: int) -> bool:
        return number in self._arrived or number in self._letters


def _number_of(record: object) -> int:
    return int(record.body.partition(":")[0]) if isinstance(record, Message) else 0
