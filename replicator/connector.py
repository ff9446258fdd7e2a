"""What a connector promises: the two ends of a pipeline, their optional abilities, and the registry.

A connector package offers one ``Connector`` under the entry-point group ``replicator.connectors``.
``Source`` and ``Sink`` are the whole contract of moving changes; every further ability is a separate
protocol that the engine looks for with ``isinstance``. A connector contains no retries, no metrics and
no fault handling: it translates its vendor's errors into ``replicator.model.errors`` and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from replicator.model.change import Backlog, Batch, Change, Page, Position, Positions, Row
from replicator.model.clock import Clock, SystemClock
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
        """You may forget everything up to here: it is durable in the sink and in the checkpoint."""

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

    def group(self, key: Key) -> Hashable:
        """What one call can hold: keys of equal group may be written in one batch."""

    @property
    def batch_changes_max(self) -> int:
        """The most changes that one ``write`` takes."""

    async def write(self, changes: Sequence[Change]) -> None:
        """Apply the changes; return only when they are durable. One group, each key at most once.

        Writing the same changes again changes nothing.

        Raises:
            BatchError: names exactly the changes that failed, each with its own error.
            TransientError: of all changes; ``settled`` says whether it may still land.
            ChangeError: of the only change of the batch.
        """

    async def close(self) -> None:
        """Release everything. May be called at any time, more than once."""


@runtime_checkable
class Inserts(Protocol):
    """A sink that can write only what is not there."""

    async def insert(self, changes: Sequence[Change]) -> None:
        """Insert-if-absent: a key that is present is left as it is, and that is a success.

        Takes UPSERTs of one group, each key at most once. Raises as ``Sink.write`` does.
        """


@runtime_checkable
class Conditions(Protocol):
    """A sink that can write on condition."""

    async def write_if(self, change: Change, etag: str | None) -> bool:
        """Apply the change only if the record still has this ETag, or, with None, only if absent.

        Returns False, having changed nothing, where the condition does not hold.
        """


@runtime_checkable
class Reads(Protocol):
    """A system whose records can be read by key; a source reads strongly consistently."""

    async def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Row]:
        """The records of these keys as they are now; a key that has none is left out.

        At most ``FETCH_KEYS_MAX`` keys a call.
        """


FETCH_KEYS_MAX = 100


@runtime_checkable
class Scans(Protocol):
    """A system that can be read as a whole, in pieces that can be read independently and resumed."""

    async def pieces(self) -> Sequence[str]:
        """The names of the pieces; together they cover every key once.

        The names stay valid for as long as a cursor of one of them is kept.
        """

    async def scan(self, piece: str, cursor: str | None) -> Page:
        """The next page of a piece: from its start with None, else from a cursor of an earlier page.

        A source scans strongly consistently. What is written meanwhile may be seen or not.
        """


@runtime_checkable
class Estimates(Protocol):
    """A system that knows roughly how many records it holds."""

    async def estimate(self) -> int | None:
        """About how many records there are; a figure for progress, never for a decision."""


@runtime_checkable
class Identified(Protocol):
    """A sink that can tell itself from another one at the same address."""

    async def identity(self) -> str:
        """Names this very system: another answer means that what was copied is not in here."""


@runtime_checkable
class Emptiness(Protocol):
    """A sink that can prove that it holds nothing."""

    async def is_empty(self) -> bool:
        """True only where no record at all exists."""


@runtime_checkable
class Marks(Protocol):
    """A source whose own change flow can carry a thing of ours, so that reading it proves something."""

    async def mark(self) -> str:
        """Put a mark into the change flow and return its name at once.

        A later ``Batch.marks`` holds the name when everything committed before this call has been
        delivered by ``read``. A mark that a lost connection swallowed is never seen; callers time out
        and ask again.
        """


@runtime_checkable
class Backlogs(Protocol):
    """A source that can say what is waiting in it."""

    async def backlog(self) -> Backlog:
        """What is waiting now."""


@runtime_checkable
class Retains(Protocol):
    """A source that forgets changes after a while."""

    @property
    def retention_seconds(self) -> float:
        """How long the source keeps a change after its commit."""


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"  # the pipeline cannot work
    WARNING = "warning"  # it works, and something is worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a probe found, in words that an operator can act on.

    ``passing`` is True of what may pass by itself, such as a service that cannot be reached yet.
    """

    severity: Severity
    message: str
    hint: str = ""
    passing: bool = False


@runtime_checkable
class Probes(Protocol):
    """An end that can be examined before anything is copied."""

    async def probe(self) -> Sequence[Finding]:
        """Look at existence, settings, limits and permissions, changing nothing.

        Problems are findings, not errors; an unreachable service is a finding too.
        """


@dataclass(frozen=True, slots=True)
class Context:
    """What the service tells a connector about the pipeline it serves.

    ``call_seconds_max``: no sink call may be able to take effect later than this after it was sent;
    clients give up their calls within it.
    """

    pipeline: str
    call_seconds_max: float = 10.0
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True)
class Connector:
    """The registry entry of a connector.

    ``source_settings`` and ``sink_settings`` are pydantic models; the configuration file's section is
    validated with them, and the ``open_`` functions are given the result. Opening does no I/O.
    """

    name: str
    source_settings: type[Any] | None = None
    open_source: Callable[[Any, Context], Source] | None = None
    sink_settings: type[Any] | None = None
    open_sink: Callable[[Any, Context], Sink] | None = None


__all__ = [
    "FETCH_KEYS_MAX",
    "Backlogs",
    "Conditions",
    "Connector",
    "Context",
    "Emptiness",
    "Estimates",
    "Finding",
    "Identified",
    "Inserts",
    "Marks",
    "Position",
    "Probes",
    "Reads",
    "Retains",
    "Row",
    "Scans",
    "Severity",
    "Sink",
    "Source",
    "Start",
]
