"""What a service says in its log while it runs: changes of state, and how a backfill goes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from replicator.engine.gate import Verdict
from replicator.engine.service import Service
from replicator.engine.status import BackfillStatus, PipelineStatus, State
from replicator.model.checkpoint import Phase

LOOK_SECONDS = 0.5
PROGRESS_SECONDS = 10.0
"""A backfill is told of at most so often, in seconds."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Told:
    """What was last said of a pipeline."""

    state: State | None = None
    phase: str | None = None
    progress_at: float = float("-inf")


class Progress:
    """Compares what is with what was last said, and says the difference."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._told: dict[str, _Told] = {}
        self._open = False

    async def follow(self) -> None:
        """Look until cancelled."""
        while True:
            self.look(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, now: float) -> None:
        """Say what is new; ``now`` is monotonic, in seconds."""
        for status in self._service.statuses():
            told = self._told.setdefault(status.name, _Told())
            self._tell_state(status, told)
            self._tell_troubles(status)
            if status.backfill is not None:
                self._tell_backfill(status.name, status.backfill, told, now)
        self._tell_gate(self._service.verdict)

    def _tell_state(self, status: PipelineStatus, told: _Told) -> None:
        if status.state is not told.state:
            told.state = status.state
            log.info("pipeline.state_entered", pipeline=status.name, state=status.state.value)

    def _tell_troubles(self, status: PipelineStatus) -> None:
        """The log itself leaves out what it was told in the last ten seconds."""
        for trouble in status.troubles:
            log.warning(
                "call.repeated",
                pipeline=status.name,
                side=trouble.side,
                reason=trouble.reason,
                error=trouble.message,
                hint=trouble.hint,
                attempt=trouble.attempts,
            )

    def _tell_backfill(self, name: str, backfill: BackfillStatus, told: _Told, now: float) -> None:
        if backfill.phase != told.phase:
            told.phase, told.progress_at = backfill.phase, now
            log.info(
                "backfill.phase_entered",
                pipeline=name,
                stage=backfill.phase,
                run=backfill.run,
                rows=backfill.rows,
                rows_estimated=backfill.rows_estimated,
            )
        elif backfill.phase == Phase.ROWS.value and now - told.progress_at >= PROGRESS_SECONDS:
            told.progress_at = now
            log.info(
                "backfill.progressed",
                pipeline=name,
                rows=backfill.rows,
                rows_estimated=backfill.rows_estimated,
                rows_per_second=_rounded(backfill.rows_per_second),
                eta_seconds=_rounded(backfill.eta_seconds),
            )

    def _tell_gate(self, verdict: Verdict) -> None:
        if verdict.can_cutover and not self._open:
            log.info("gate.opened")
        elif self._open and not verdict.can_cutover:
            first = verdict.reasons[0]
            log.info("gate.closed", pipeline=first.pipeline, reason=first.code, message=first.text)
        self._open = verdict.can_cutover


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
