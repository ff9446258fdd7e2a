"""The sink: puts messages onto a bus, in order, and stops a group behind a message that is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence

from connectors.memory.config import MemorySinkSettings
from connectors.memory.messages.bus import MemoryBus, Posted
from connectors.memory.messages.codec import posted_of
from connectors.memory.messages.errors import BusError, behind, translate
from replicator.connector import Finding
from replicator.model.change import Change
from replicator.model.errors import BatchError, InvariantError, ReplicatorError
from replicator.model.key import Key
from replicator.model.record import Message


class MemoryMessageSink:
    """A sink whose batches hold messages of one group, or, of a queue without groups, any."""

    def __init__(self, bus: MemoryBus, settings: MemorySinkSettings) -> None:
        self._bus = bus
        self._settings = settings

    async def connect(self) -> None:
        """Nothing to make ready."""

    def group(self, key: Key) -> Hashable:
        """The group of the message: all of the key but its id."""
        return key[:-1]

    @property
    def batch_changes_max(self) -> int:
        """As configured."""
        return self._settings.batch_changes_max

    async def write(self, changes: Sequence[Change]) -> None:
        """Send the messages in one call; where one is refused, the others without it."""
        await asyncio.sleep(0)  # a call to a service always lets others run
        messages = {change.key: _message(change) for change in changes}
        failures = self._send(messages)
        if failures and len(messages) == 1:
            raise next(iter(failures.values()))
        if failures:
            raise BatchError(failures)

    async def try_write(self) -> None:
        """Schedule a message and cancel it: nobody sees it, and no id of a real one is used up."""
        await asyncio.sleep(0)
        trial = Posted("replicator-trial", b"", "replicator-trial")
        self._bus.cancel(self._bus.schedule(trial))

    async def probe(self) -> Sequence[Finding]:
        """A bus is created on first use, so nothing can be missing."""
        return ()

    async def close(self) -> None:
        """Nothing to release."""

    def _send(self, messages: dict[Key, Message]) -> dict[Key, ReplicatorError]:
        """Send all but what is refused and what has to stay behind it; those and why."""
        failures: dict[Key, ReplicatorError] = {}
        remaining = dict(messages)
        while remaining:
            try:
                self._bus.send([posted_of(message) for message in remaining.values()])
            except BusError as error:
                refused = next(key for key, each in remaining.items() if each.id == error.message_id)
                failures[refused] = translate(error)
                for key in _stopped_by(refused, list(remaining)):
                    failures[key] = behind(remaining[key].id)
                remaining = {key: each for key, each in remaining.items() if key not in failures}
            else:
                break
        return failures


def _stopped_by(refused: Key, keys: Sequence[Key]) -> Sequence[Key]:
    """What comes after a refused message in its group; without groups nothing does."""
    if len(refused) == 1:
        return ()
    return [key for key in keys[keys.index(refused) + 1 :] if key[:-1] == refused[:-1]]


def _message(change: Change) -> Message:
    if not isinstance(change.record, Message):
        raise InvariantError("something that is no message came where messages are carried")
    return change.record
