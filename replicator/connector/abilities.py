"""Optional abilities, each a protocol of its own that the engine looks for with ``isinstance``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from replicator.connector.registry import Finding
from replicator.model.change import Backlog, Change, Page, Row
from replicator.model.key import Key


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

        At most ``FETCH_KEYS_MAX`` keys a call. Objects come complete, with such checksums as their
        service gives without reading the body.
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

        A source scans strongly consistently. What is written meanwhile may be seen or not. Of objects a
        page tells size and version, and no more.
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
class Examines(Protocol):
    """A sink that can tell of records what would become of them, before any is written."""

    def examine(self, rows: Sequence[Row]) -> Sequence[Finding]:
        """What is worth knowing about a sample of the source's records; no call is made.

        Such as their sizes in the sink's form, and those that it would refuse. A finding speaks of the
        sample and says that it is one; only what rules the whole pipeline out is an error.
        """


@runtime_checkable
class Trials(Protocol):
    """A sink of messages whose writability can be tried out without anybody noticing."""

    async def try_write(self) -> None:
        """Write something, take it back unseen, and return.

        Raises:
            TransientError, PermanentError: it cannot be written to.
        """


@runtime_checkable
class Notices(Protocol):
    """An end that comes upon things while it works which an operator should know of."""

    def notices(self) -> Sequence[str]:
        """What is so at the moment, one sentence each."""


@runtime_checkable
class Retains(Protocol):
    """A source that forgets changes after a while."""

    @property
    def retention_seconds(self) -> float:
        """How long the source keeps a change after its commit."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of a setting that others have entries in, too.

    Attributes:
        place: the setting, in words, such as ``notifications of bucket photos``.
        before: what it is now, as a document for JSON.
        after: what it becomes: the same, but for our own entries.
    """

    place: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@runtime_checkable
class Installs(Protocol):
    """An end that needs entries of its own in settings of its service, beside those of others."""

    async def amendments(self, *, installed: bool) -> Sequence[Amendment]:
        """What has to change so that all of our entries are there, or none; nothing is changed yet.

        In the order in which it has to be done; settings that are right already are left out. Only entries
        that bear our own names are ever changed or taken out.

        Raises:
            PermanentError: the service would not take it, such as for an entry of somebody else's that
                excludes ours; or as named.
            TransientError: as named.
        """

    async def amend(self, amendment: Amendment) -> None:
        """Write ``after`` where the setting still is ``before``; return when it reads back as ``after``.

        Raises:
            TransientError: settled, ``changed``: it is another one by now, and nothing was written.
            PermanentError: it was refused, or reads back as something else; or as named.
        """
