"""SQLite's errors -> ours. Pure: ``client`` hands over the code and the words of the vendor's exception.

Codes are those of sqlite.org/rescode.html, without their extension.
"""

from __future__ import annotations

from replicator.model.errors import (
    ChangeError,
    NotConnectedError,
    PermanentError,
    PositionLostError,
    ReplicatorError,
    TransientError,
)

PERM, BUSY, LOCKED, READONLY, IOERR, CORRUPT = 3, 5, 6, 8, 10, 11
FULL, CANTOPEN, TOOBIG, NOTADB = 13, 14, 18, 26

_NOT_USABLE = {
    PERM: "Give the service the right to write the file and its directory.",
    READONLY: "Give the service the right to write the file and its directory.",
    CANTOPEN: "Check that the file, or for a sink its directory, exists and may be written.",
    CORRUPT: "Restore the file from a backup, or let a new backfill fill a new one.",
    NOTADB: "Name a SQLite file, or a path where none exists yet.",
}


def translate(code: int, message: str) -> ReplicatorError:
    """What happens next after this error."""
    if code in (BUSY, LOCKED):
        # A transaction that did not get the lock has done nothing, and never will.
        return TransientError(f"the file is locked: {message}", settled=True, reason="locked")
    if code == FULL:
        hint = "Make room; the pipeline goes on by itself."
        return TransientError(f"the disk is full: {message}", hint=hint, settled=True, reason="disk_full")
    if code == IOERR:
        return TransientError(f"the disk failed: {message}", reason="disk")  # the commit may have happened
    if code == TOOBIG:
        hint = "Make the record smaller at the source, or raise row_bytes_max; then replay the dead letter."
        return ChangeError(f"the record is too large for SQLite: {message}", hint=hint)
    hint = _NOT_USABLE.get(code, "Check that nothing else has made tables of the names used here.")
    return PermanentError(f"SQLite cannot go on: {message}", hint=hint)


def too_late() -> TransientError:
    """The call had to wait so long that its caller may have given it up; it was not carried out."""
    return TransientError("the file was busy for too long", settled=True, reason="locked")


def not_connected() -> NotConnectedError:
    """The end was used before it was connected, or after it was closed."""
    return NotConnectedError("the file is not open")


def position_lost(log: str) -> PositionLostError:
    """The log does not have all that comes after the position."""
    return PositionLostError(
        f"{log} does not have what comes after the position to resume from",
        hint="Resume the pipeline with a new backfill; what is in the sink is compared, not overwritten.",
    )


def not_ours(key: str) -> PermanentError:
    """Something has written a row that is not a record."""
    return PermanentError(
        f"the row of {key!r} does not hold a record in the form of this connector",
        hint="Write rows with key_text and record_to_json of replicator.model, and mend this one.",
    )
