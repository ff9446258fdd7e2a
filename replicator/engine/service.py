"""The service: all pipelines of a migration, their gate, and the commands, each in the journal first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from replicator.config.settings import Gate
from replicator.engine.dead_letters import WAIVED
from replicator.engine.gate import Verdict, judge
from replicator.engine.limits import changed, differing
from replicator.engine.status import PipelineStatus, observation_of
from replicator.engine.supervisor import Supervisor
from replicator.engine.verify import Verification
from replicator.model.clock import Clock
from replicator.model.errors import NotNowError, ReplicatorError
from replicator.model.key import Key
from replicator.stores import DeadLetter, JournalEntry, Store

JUDGE_SECONDS = 1.0


class UnknownNameError(ReplicatorError):
    """No pipeline, or no dead letter, goes by this name."""

    code = "unknown_name"


class Service:
    """One migration, running."""

    def __init__(
        self, migration: str, supervisors: Sequence[Supervisor], store: Store, bounds: Gate, clock: Clock
    ) -> None:
        self.migration = migration
        self.store = store
        self._supervisors = {supervisor.charge.name: supervisor for supervisor in supervisors}
        self._bounds = bounds
        self._clock = clock
        self.started_at = clock.wall()
        self.verdict: Verdict = judge([], bounds, None, clock.monotonic())

    async def run(self) -> None:
        """Run all pipelines and judge the gate until ``stop``; one pipeline's failure stops no other."""
        async with asyncio.TaskGroup() as tasks:
            judging = tasks.create_task(self._judge_forever(), name="gate")
            running = [
                tasks.create_task(supervisor.run(), name=f"pipeline-{name}")
                for name, supervisor in self._supervisors.items()
            ]
            await asyncio.wait(running)
            judging.cancel()

    def stop(self) -> None:
        """Tell every pipeline to finish; ``run`` returns when all have."""
        for supervisor in self._supervisors.values():
            supervisor.stop()

    async def _judge_forever(self) -> None:
        while True:
            self.judge()
            await asyncio.sleep(JUDGE_SECONDS)

    def judge(self) -> Verdict:
        """The gate's verdict at this moment."""
        observations = [observation_of(status) for status in self.statuses()]
        self.verdict = judge(observations, self._bounds, self.verdict, self._clock.monotonic())
        return self.verdict

    def statuses(self) -> list[PipelineStatus]:
        """All pipelines, the worst first: unhealthy ones, then those with the most lag."""
        statuses = [supervisor.status() for supervisor in self._supervisors.values()]
        return sorted(statuses, key=_badness, reverse=True)

    @property
    def supervisors(self) -> Mapping[str, Supervisor]:
        """By pipeline name."""
        return self._supervisors

    # Commands. ``actor`` is who gave it, for the journal.

    async def pause(self, pipeline: str, actor: str) -> None:
        """Stop reading."""
        supervisor = self.find(pipeline)
        await self._note(actor, "pause", pipeline)
        supervisor.pause()

    async def resume(self, pipeline: str, actor: str, *, new_backfill: bool = False) -> None:
        """Go on after a pause or a failure."""
        supervisor = self.find(pipeline)
        await self._note(actor, "resume", pipeline, new_backfill=new_backfill)
        supervisor.resume(new_backfill=new_backfill)

    async def change_limits(self, pipeline: str, actor: str, given: Mapping[str, float]) -> None:
        """Change some limits of a pipeline, until the process ends.

        Raises:
            ConfigError: names every limit that is unknown, may not change, or is out of its bounds.
        """
        supervisor = self.find(pipeline)
        before = supervisor.limits
        change = differing(changed(before, given, self._bounds.list_age_seconds_max), before)
        await self._note(actor, "limits", pipeline, **change)
        supervisor.change_limits(supervisor.limits.model_copy(update=change))

    async def barrier(self, pipeline: str, keys: Sequence[Key] = ()) -> str:
        """Return once everything committed at the source before this call is durable in the sink."""
        return await self.find(pipeline).barrier(keys)

    async def verify(self, pipeline: str, actor: str, *, repair: bool, quiet_source: bool) -> Verification:
        """Start a verification; what is returned grows."""
        supervisor = self.find(pipeline)
        await self._note(actor, "verify", pipeline, repair=repair, quiet_source=quiet_source)
        return supervisor.verify(repair=repair, quiet_source=quiet_source)

    async def replay(self, letter_id: int, actor: str) -> bool:
        """Replay an open dead letter; False where the sink refuses its key again."""
        letter = await self._open_letter(letter_id)
        supervisor = self.find(letter.pipeline)
        await self._note(actor, "dead_letter.replay", letter.pipeline, id=letter_id)
        return await supervisor.replay(letter)

    async def waive(self, letter_id: int, actor: str) -> None:
        """Declare that an open dead letter will never be applied; it no longer closes the gate."""
        letter = await self._open_letter(letter_id)
        await self._note(actor, "dead_letter.waive", letter.pipeline, id=letter_id)
        if not await self._settle_waived(letter):
            raise NotNowError(
                f"dead letter {letter_id} is not open any more",
                hint="A newer one may have taken its place: `replicator dead-letters list`.",
            )

    async def _settle_waived(self, letter: DeadLetter) -> bool:
        """Nobody here, or anywhere, works on a pipeline that is not configured any more."""
        if letter.pipeline not in self._supervisors:
            return await self.store.settle_dead_letter(letter.id, WAIVED)
        return await self._supervisors[letter.pipeline].waive(letter.id)

    async def letter(self, letter_id: int) -> DeadLetter:
        """One dead letter."""
        letter = await self.store.get_dead_letter(letter_id)
        if letter is None:
            raise UnknownNameError(
                f"there is no dead letter {letter_id}", hint="`replicator dead-letters list` shows them."
            )
        return letter

    async def _open_letter(self, letter_id: int) -> DeadLetter:
        letter = await self.letter(letter_id)
        if letter.state != "open":
            raise NotNowError(
                f"dead letter {letter_id} is {letter.state}", hint="Only an open one can be settled."
            )
        return letter

    def find(self, pipeline: str) -> Supervisor:
        """The supervisor of this pipeline.

        Raises:
            UnknownNameError: there is no such pipeline.
        """
        if pipeline not in self._supervisors:
            names = ", ".join(sorted(self._supervisors))
            raise UnknownNameError(f"there is no pipeline {pipeline!r}", hint=f"There are: {names}.")
        return self._supervisors[pipeline]

    async def _note(self, actor: str, action: str, pipeline: str, **detail: Any) -> None:
        await self.store.append(JournalEntry(self._clock.wall(), actor, action, pipeline, detail))


def _badness(status: PipelineStatus) -> tuple[bool, float]:
    lag = status.lag.lag_seconds if status.lag is not None else None
    return (not status.healthy, float("inf") if lag is None else lag)
