"""The gate: whether cutover is safe, and if not, why not, in words an operator can act on. Pure.

It opens only on what is known. Anything unknown is a reason to stay closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from replicator.config.settings import Gate
from replicator.engine.lag import Lag
from replicator.engine.parts import Shape
from replicator.engine.proof import BY_TIME
from replicator.model.checkpoint import Phase


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """What is known of a queue without moving anything.

    ``mode`` is ``hold`` or ``bridge``; ``backlog_changes`` is what waits at the source, None where that was
    not seen lately; ``write_tested`` whether the sink took a message for trial lately.
    """

    mode: str
    backlog_changes: int | None
    backlog_oldest_seconds: float | None
    write_tested: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one pipeline.

    Attributes:
        pipeline: its name.
        state: ``running``, or why it is not.
        phase: of its backfill; None before there is one.
        proof: how it was proved, since this process began, that everything replayed has been applied
            (``by mark``, ``by time``); None while it is not proved.
        lag: the figures; None before the source was connected.
        retains: True where the source forgets changes.
        dead_letters_open: how many nobody has replayed or waived.
        mismatches: what the last complete verification found and nobody repaired; None where no pass was
            completed since the backfill ended.
        list_age_seconds: since the last complete reconciling list of objects began; None where there was
            none.
        shape: what is carried.
        queue: of messages only.
    """

    pipeline: str
    state: str
    phase: Phase | None
    proof: str | None
    lag: Lag | None
    retains: bool
    dead_letters_open: int
    mismatches: int | None
    list_age_seconds: float | None = None
    shape: Shape = Shape.ITEMS
    queue: QueueStatus | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the gate is closed: a short code for metrics, and a sentence."""

    code: str
    pipeline: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer.

    ``can_write_sink``, ``can_failback`` and ``can_complete`` speak of the steps after a switch; they are
    False, with their reason, as long as no cutover is under way.
    """

    can_cutover: bool
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...] = ()
    can_write_sink: bool = False
    can_failback: bool = False
    can_complete: bool = False
    clear_since: float | None = field(default=None)


def judge(observations: Sequence[Observation], bounds: Gate, before: Verdict | None, now: float) -> Verdict:
    """The verdict at ``now``; ``before`` is the one before it, for the time that all has been well.

    Monotonic seconds: a wall clock that is set forward must not make that time pass.
    """
    ranked = sorted(
        ((observation, reasons_of(observation, bounds)) for observation in observations),
        key=lambda pair: (-len(pair[1]), pair[0].pipeline),
    )
    reasons = [reason for _, found in ranked for reason in found]
    if not observations:
        reasons.append(Reason("nothing_observed", None, "no pipeline has been observed yet"))
    if reasons:
        return Verdict(can_cutover=False, reasons=tuple(reasons))
    clear_since = before.clear_since if before is not None and before.clear_since is not None else now
    left = bounds.stable_for_seconds - (now - clear_since)
    if left > 0:
        settling = Reason(
            "not_stable", None, f"all conditions hold; they have to hold for {left:.0f} s more"
        )
        return Verdict(can_cutover=False, reasons=(settling,), clear_since=clear_since)
    return Verdict(can_cutover=True, reasons=(), notes=_notes(observations), clear_since=clear_since)


Say = Callable[[str, str], Reason]
"""Makes a reason of one pipeline from a code and a text."""


def reasons_of(observation: Observation, bounds: Gate) -> list[Reason]:
    """Everything that keeps one pipeline from being cut over, the gravest first."""
    name = observation.pipeline

    def reason(code: str, text: str) -> Reason:
        return Reason(code, name, f"{name}: {text}")

    if observation.state == "standby":
        return [reason("standby", "another process holds the pipeline; ask that one")]
    if observation.state != "running":
        return [reason("not_running", f"the pipeline is {observation.state}")]
    if observation.lag is None:
        return [reason("not_connected", "the source has not been connected yet")]
    held = observation.queue is not None and observation.queue.mode == "hold"
    found = _queue_reasons(observation, reason) if held else _copy_reasons(observation, bounds, reason)
    if observation.dead_letters_open:
        text = f"{observation.dead_letters_open} dead letters are open; replay or waive them"
        found.append(reason("dead_letters", text))
    return (
        found if observation.shape is Shape.MESSAGES else found + _verification_reasons(observation, reason)
    )


def _copy_reasons(observation: Observation, bounds: Gate, reason: Say) -> list[Reason]:
    """What keeps a copy, or a queue that is moved, from being as good as the source."""
    found: list[Reason] = []
    if observation.shape is not Shape.MESSAGES:
        found += _backfill_reasons(observation, reason)
    if observation.shape is Shape.OBJECTS:
        found += _list_reasons(observation.list_age_seconds, bounds, reason)
    if observation.lag is not None:
        found += _lag_reasons(observation.lag, bounds, reason, retains=observation.retains)
    return found


def _backfill_reasons(observation: Observation, reason: Say) -> list[Reason]:
    if observation.phase is None:
        return [reason("backfill", "the backfill has not begun")]
    if observation.phase is not Phase.COMPLETE:
        return [reason("backfill", f"the backfill is not complete (phase {observation.phase.value})")]
    if observation.proof is None:
        return [reason("replaying", "changes replayed after the start have not all been applied")]
    return []


def _list_reasons(age_seconds: float | None, bounds: Gate, reason: Say) -> list[Reason]:
    """Events promise little: only a list of both sides shows what none of them told."""
    if age_seconds is None:
        return [reason("not_listed", "no reconciling list of both sides is complete")]
    if age_seconds > bounds.list_age_seconds_max:
        text = f"the last reconciling list began {age_seconds:.0f} s ago, more than"
        return [reason("list_age", f"{text} {bounds.list_age_seconds_max:g} s")]
    return []


def _queue_reasons(observation: Observation, reason: Say) -> list[Reason]:
    """A queue that is held is ready when it is known what waits, and that the sink would take it."""
    found: list[Reason] = []
    if observation.queue is None or observation.queue.backlog_changes is None:
        found.append(reason("backlog_unknown", "it is unknown how much waits in the queue"))
    if observation.queue is None or not observation.queue.write_tested:
        found.append(reason("not_write_tested", "the sink has not taken a message for trial lately"))
    return found


def _verification_reasons(observation: Observation, reason: Say) -> list[Reason]:
    if observation.mismatches is None:
        return [reason("not_verified", "no complete verification since the backfill ended")]
    if observation.mismatches:
        text = f"the last verification left {observation.mismatches} mismatches; repair and verify again"
        return [reason("mismatches", text)]
    return []


def _lag_reasons(lag: Lag, bounds: Gate, reason: Say, *, retains: bool) -> list[Reason]:
    found: list[Reason] = []
    if lag.stale:
        shown = ", ".join(lag.stale[:3]) + (" …" if len(lag.stale) > 3 else "")
        found.append(reason("stale", f"{len(lag.stale)} partitions are not proved read: {shown}"))
    if lag.lag_seconds is None:
        found.append(reason("lag_unknown", "the lag is unknown"))
    elif lag.lag_seconds > bounds.lag_seconds_max:
        found.append(
            reason("lag", f"the lag is {lag.lag_seconds:.1f} s, more than {bounds.lag_seconds_max:g} s")
        )
    if retains and lag.retention_left_seconds is None:
        found.append(reason("retention_unknown", "it is unknown how long the source keeps what is needed"))
    elif retains and (lag.retention_left_seconds or 0.0) < bounds.retention_seconds_min:
        hours = (lag.retention_left_seconds or 0.0) / 3600
        found.append(reason("retention", f"changes still needed expire at the source in {hours:.1f} h"))
    return found


def _notes(observations: Sequence[Observation]) -> tuple[str, ...]:
    return tuple(
        f"{observation.pipeline}: proved by time, not by a mark; with the writers stopped, run "
        f"`replicator verify {observation.pipeline} --quiet-source` before the switch"
        for observation in observations
        if observation.proof == BY_TIME
    )
