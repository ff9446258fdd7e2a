"""The write test: a message that is scheduled far ahead, and cancelled before anybody can see it.

A connection may break between the two. What is left then does no harm: it lies a year ahead, lives for one
second when its time comes, is empty, and says by its id and its property ``Replicator.Trial`` that it is no
work. And it does not stay: whoever has its number cancels it with the next trial; whoever lost its number,
or took over from another process, finds it by looking through the queue, some messages with each trial.

Each trial has an id of its own: the service would drop one whose id it has seen, and prove nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from connectors.servicebus.codec import Outgoing
from connectors.servicebus.errors import RefusedError, translate
from connectors.servicebus.link import Link, Seen
from replicator.model.errors import ReplicatorError, TransientError

ID = "replicator-trial-"
SESSION = PARTITION_KEY = "replicator-trial"
PROPERTY = "Replicator.Trial"
AHEAD_SECONDS = 365 * 86_400.0
PAGE_MESSAGES = 100

_SAID = "It proves that the queue can be written to, and is no work."


class Trial:
    """The trials of one queue, and what they have left in it."""

    def __init__(self, *, sessions: bool, partitioned: bool) -> None:
        self._session = SESSION if sessions else None
        self._partition_key = PARTITION_KEY if partitioned and not sessions else None
        self._left: set[int] = set()  # known by their numbers
        self._newest = 0
        self._next: int | None = 0  # where looking goes on; None where nothing can be left
        self._blind = False

    async def run(self, link: Link, now: float) -> None:
        """Schedule and cancel one, and take back what earlier ones left; ``now`` is in epoch seconds.

        Raises:
            TransientError, PermanentError: the queue cannot be written to, or not all is taken back.
        """
        try:
            number = await link.schedule(self._message(), now + AHEAD_SECONDS)
        except RefusedError as error:
            raise translate(error.refusal, sent=True) from error
        except TransientError as error:
            if not error.settled and self._next is None:
                self._next = self._newest + 1
            raise
        self._left.add(number)
        await self._take_back(link)
        await self._look(link, number)
        self._newest = number

    def notices(self) -> Iterator[str]:
        """What is left, as far as it is known."""
        if self._left:
            yield f"{len(self._left)} scheduled trial messages are still to be cancelled"
        if self._blind and self._next is not None:
            yield (
                "whether an interrupted trial left a scheduled message cannot be told without the right to "
                "listen; it is empty and has the property Replicator.Trial"
            )

    def _message(self) -> Outgoing:
        return Outgoing(
            b"",
            {PROPERTY: _SAID},
            f"{ID}{uuid4()}",
            self._session,
            partition_key=self._partition_key,
            ttl_seconds=1.0,
        )

    async def _take_back(self, link: Link) -> None:
        for each in sorted(self._left):
            await link.cancel(each)
            self._left.discard(each)

    async def _look(self, link: Link, own: int) -> None:
        """Look at the next messages, up to the trial just made: what is older is left over."""
        if self._next is None or self._blind:
            return
        try:
            found = await link.browse(self._next, PAGE_MESSAGES, self._session)
        except TransientError:
            raise
        except ReplicatorError:
            found = None
        if found is None:
            self._blind = True
            return
        self._left |= {each.number for each in found if is_left_over(each)}
        await self._take_back(link)
        self._next = found[-1].number + 1 if found and found[-1].number < own else None


def is_left_over(seen: Seen) -> bool:
    """Whether a message is a trial that waits for its time."""
    return seen.scheduled and seen.message_id.startswith(ID) and PROPERTY in seen.property_names
