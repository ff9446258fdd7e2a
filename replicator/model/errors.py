"""Errors, sorted by what happens next.

Each class has a ``code`` (a metric label, and the name of a page in ``docs/runbook``) and each raised
error has a ``hint``: what an operator can do. Connectors translate their vendor's errors into these
and nothing else leaves a connector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from replicator.model.key import Key, key_text

if TYPE_CHECKING:
    from replicator.model.record import Record


class ReplicatorError(Exception):
    """The root: a message, a hint for the operator, and a code."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(ReplicatorError):
    """The configuration cannot work; carries every problem at once, before anything starts."""

    code = "config"

    def __init__(self, problems: list[str], *, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


class NotConnectedError(ReplicatorError):
    """A source or sink was used, or stayed, unconnected; the engine connects again with back-off."""

    code = "not_connected"


class TransientError(ReplicatorError):
    """The same call may succeed later; the engine repeats it with back-off.

    Attributes:
        retry_after_seconds: the service's own word on when, obeyed where given.
        settled: True where the call is known to have had no effect and never will (a 429, a refused
            connection). False where its outcome is unknown (a timeout, a reset): it may still land.
        reason: one word for status and metrics, such as ``throttled`` or ``unreachable``.
    """

    code = "transient"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_seconds: float | None = None,
        settled: bool = False,
        reason: str = "unavailable",
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds
        self.settled = settled
        self.reason = reason


class PermanentError(ReplicatorError):
    """Repeating cannot help: the pipeline stops, degraded, until an operator acts."""

    code = "permanent"


class PositionLostError(ReplicatorError):
    """The source no longer has what the checkpoint needs; only a new backfill closes the gap."""

    code = "position_lost"


class SinkChangedError(ReplicatorError):
    """The sink is not the one that was filled; an operator has to say which of the two is meant."""

    code = "sink_changed"


class ChangeError(ReplicatorError):
    """One change is refused for good: a dead letter, or a stop, as the policy says.

    ``record`` is what was refused, where the change itself does not hold it.
    """

    code = "change_refused"
    record: Record | None = None


class BatchError(ReplicatorError):
    """Some changes of a batch failed; ``failures`` names exactly those. The others are durable."""

    code = "batch"

    def __init__(self, failures: Mapping[Key, ReplicatorError]) -> None:
        key, first = next(iter(failures.items()))
        super().__init__(f"{len(failures)} changes failed, the first, {key_text(key)}: {first.message}")
        self.failures = dict(failures)


class CheckpointConflictError(ReplicatorError):
    """A write of an older epoch was refused: another process has taken this pipeline over."""

    code = "checkpoint_conflict"


class LeaseLostError(ReplicatorError):
    """Another process has taken this pipeline over, or may have; this one stands by."""

    code = "lease_lost"


class StateError(ReplicatorError):
    """The state store cannot be opened, read or written."""

    code = "state"


class CutoverError(ReplicatorError):
    """A cutover step is refused; the message names the unmet condition."""

    code = "cutover"


class NotNowError(CutoverError):
    """A command cannot be carried out in the present state; the message says why."""

    code = "not_now"


class InvariantError(ReplicatorError):
    """The program contradicts itself; it stops rather than go on."""

    code = "invariant"


def first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error of ours that brought the tasks down, or the first of any kind."""
    causes = list(_leaves(group))
    return next((cause for cause in causes if isinstance(cause, ReplicatorError)), causes[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
