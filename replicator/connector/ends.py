"""The two ends of a pipeline: what every source and every sink has."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from replicator.model.change import Batch, Change, Positions
from replicator.model.key import Key


@dataclass(frozen=True, slots=True)
class Start:
    """Where a source starts: the position of every partition it knows, and which are still open."""

    positions: Positions
    open_partitions: frozenset[str]


@runtime_checkable
class Source(Protocol):
    """The end that changes come from. One task uses it: connect, then read in a loop, then close."""

    async def connect(self, positions: Positions | None) -> Start:
        """Begin at the given positions, or, with None, where a backfill may begin after.

        With None the start must lie at or before every change that a scan begun after this call
        returns could miss: the place of a mark, or the oldest position of every partition; never the
        newest. Positions of partitions that the source no longer knows are dropped from the answer,
        partitions that are new to it are added at their oldest position. May be called again after a
        failed read.

        Raises:
            PositionLostError: the source no longer has something that lies after these positions.
            TransientError, PermanentError: as named.
        """

    async def read(self) -> Batch:
        """Wait for the next batch of any partition; an empty one when it has something to prove.

        Within a partition batches come in order; a partition that another one opened is delivered
        only after the other's last batch. Cancelling loses nothing: what was not returned is returned
        by the next call.

        Raises:
            NotConnectedError: the engine connects again, from its last read positions.
            PositionLostError, TransientError, PermanentError: as named.
        """

    async def commit(self, positions: Positions) -> None:
        """You may forget everything up to here: it is durable in the sink and in the checkpoint.

        A source that gives its changes away, such as a queue, keeps them from others until now, for as
        long as that takes, and then deletes them. Of changes that are only hints (``Kind.DIRTY``) it is
        the durable note that counts.
        """

    async def close(self) -> None:
        """Release everything. May be called at any time, more than once."""


@runtime_checkable
class Sink(Protocol):
    """The end that changes go to. Calls for different keys run at once, up to the engine's bound."""

    async def connect(self) -> None:
        """Make ready for writing. May be called again.

        Raises:
            TransientError, PermanentError: as named.
        """

    async def close(self) -> None:
        """Release everything. May be called at any time, more than once."""


@runtime_checkable
class Writes(Sink, Protocol):
    """A sink that takes whole records, several in one call."""

    def group(self, key: Key) -> Hashable:
        """What one call can hold: keys of equal group may be written in one batch."""

    @property
    def batch_changes_max(self) -> int:
        """The most changes that one ``write`` takes."""

    async def write(self, changes: Sequence[Change]) -> None:
        """Apply the changes; return only when they are durable. One group, each key at most once.

        Writing the same changes again changes nothing. Messages are put behind each other in the order
        given; the same message again is dropped within the sink's window of duplicates, and of messages
        of one group none lands behind one that failed.

        Raises:
            BatchError: names exactly the changes that failed, each with its own error.
            TransientError: of all changes; ``settled`` says whether it may still land.
            ChangeError: of the only change of the batch.
        """
