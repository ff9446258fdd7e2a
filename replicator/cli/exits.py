"""Exit statuses: what each means, and which one an error becomes. Numbers above 63 follow sysexits.h."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from replicator.model.errors import ReplicatorError


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    NOT_WELL = 1
    REFUSED = 2
    USAGE = 64
    CONFIG = 65
    ENDS = 66
    UNREACHABLE = 69
    INTERNAL = 70
    STATE = 74
    INTERRUPTED = 130


MEANINGS: Mapping[Exit, str] = {
    Exit.OK: "Done; healthy; clean; the gate is open.",
    Exit.NOT_WELL: "The answer is no: something is degraded, unreachable (`status`), blocked (`validate`), "
    "different (`verify`), refused again (`dead-letters replay`) or to be changed (`install --dry-run`), "
    "the gate is closed, or a pipeline had failed when the service stopped (`run`).",
    Exit.REFUSED: "The command was refused or could not be carried out: wrong token, unknown name, not in "
    "this state, time is up, address in use, a cloud refuses a setting (`install`).",
    Exit.USAGE: "Wrong usage: unknown command, option or argument.",
    Exit.CONFIG: "The configuration cannot work; every problem is listed.",
    Exit.ENDS: "At the first start a source or a sink cannot be used, or not be reached in time; nothing "
    "was started.",
    Exit.UNREACHABLE: "No service answers (commands other than `status`).",
    Exit.INTERNAL: "A fault of Replicator.",
    Exit.STATE: "The state file cannot be opened, read or written, or another release has it.",
    Exit.INTERRUPTED: "Interrupted: before the service had started, or told to stop twice.",
}

_OF_CODE: Mapping[str, Exit] = {
    "config": Exit.CONFIG,
    "preflight": Exit.ENDS,
    "unreachable": Exit.UNREACHABLE,
    "state": Exit.STATE,
    "internal": Exit.INTERNAL,
    "invariant": Exit.INTERNAL,
}


def exit_of(error: ReplicatorError) -> Exit:
    """The status of a command that ended with this error; told by code, so that nothing is imported."""
    return _OF_CODE.get(error.code, Exit.REFUSED)
