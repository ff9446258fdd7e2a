"""The lease: which of several processes works on a pipeline, without a common clock (docs/adr/0012).

A holder renews, and acts only while it knows that nobody else does: until ``lease_seconds`` after it
*asked* for its last renewal. Another process looks on, and takes over once it has *seen* no renewal for as
long. So the one has always stopped before the other begins, whatever lies between them and the store. What
the holder has sent by then is waited for as after any unclean stop.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

from replicator.config.limits import Limits
from replicator.engine.retry import Retrier
from replicator.model.clock import Clock
from replicator.model.errors import (
    CheckpointConflictError,
    LeaseLostError,
    ReplicatorError,
    TransientError,
)
from replicator.stores import Claim, Lease, Store, Term

RENEWALS = 3
"""A lease is renewed after this part of it, so that one renewal may fail and nothing has to wait."""

LOOK_SECONDS_MAX = 1.0
DRIFT = 1.01
"""Who looks on counts so much slower: the clocks of two hosts do not run alike."""

_LONG_AGO = float("-inf")


class Leaseholder:
    """One incarnation's hold on its pipeline: take it, keep it, release it.

    Attributes:
        epoch: of its claim; 0 before.
        other: who was seen to hold the pipeline while this one waited; empty where nobody was.
        notes: the store, as this holder writes to it: under its epoch.
    """

    def __init__(self, store: Store, pipeline: str, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._pipeline = pipeline
        self._clock = clock
        self._seconds = limits.lease_seconds
        self._call_seconds = limits.sink_call_seconds_max
        self._acts_until = _LONG_AGO
        self.epoch = 0
        self.other = ""
        self.notes = cast(Store, _Notes(store, self))

    @property
    def held(self) -> bool:
        """Whether it is certain at this moment that nobody else works on the pipeline."""
        return self._clock.monotonic() < self._acts_until

    @property
    def stands_by(self) -> bool:
        """Whether another process is known, or has to be feared, to hold the pipeline."""
        return not self.held and bool(self.other or self.epoch)

    def require(self) -> None:
        """To be called at once before anything is sent that has an effect.

        Raises:
            TransientError: settled; the lease might end before the call does. A renewal mends that.
        """
        if self._clock.monotonic() + self._call_seconds > self._acts_until:
            raise TransientError(
                "the lease has to be renewed before anything is sent",
                hint="The state store does not answer, or another process has taken the pipeline over.",
                settled=True,
                reason="lease",
            )

    async def take(self, retrier: Retrier) -> Claim:
        """Wait until nobody holds the pipeline, and claim it. Cancel it to give up."""
        seen, since = Lease(), self._clock.monotonic()
        while True:
            lease = await retrier.persist("state", "lease", lambda: self._store.look(self._pipeline))
            if lease != seen:
                seen, since = lease, self._clock.monotonic()  # after the answer, never before the question
            if lease.over or self._clock.monotonic() - since >= lease.seconds * DRIFT:
                claim = await self._claim(lease, retrier)
                if claim is not None:
                    return claim
                continue
            self.other = lease.holder
            await asyncio.sleep(min(LOOK_SECONDS_MAX, lease.seconds / 10))

    def behind(self, error: BaseException) -> BaseException:
        """What ended an incarnation: the error, or, where it had no lease any more, that.

        Without the lease an error tells nothing of the pipeline, such as that the source has forgotten what
        another process is done with.
        """
        if self.held or isinstance(error, LeaseLostError | CheckpointConflictError):
            return error
        return self._lost(f"it ran out, and then: {error}")

    async def release(self, *, clean: bool) -> None:
        """Let others take over at once; with ``clean`` no sink call is under way either.

        Where it cannot be said, the lease runs out.
        """
        if self.held:
            self._acts_until = _LONG_AGO
            with suppress(ReplicatorError):
                await self._store.release(self._pipeline, self.epoch, clean=clean)

    async def _claim(self, seen: Lease, retrier: Retrier) -> Claim | None:
        """The claim; None where somebody else was faster."""
        term = Term(self._seconds, self._call_seconds)

        async def claim() -> tuple[float, Claim]:
            asked_at = self._clock.monotonic()
            return asked_at, await self._store.claim(self._pipeline, seen, term)

        try:
            asked_at, claimed = await retrier.persist("state", "lease", claim)
        except CheckpointConflictError:
            return None
        self.epoch, self._acts_until = claimed.epoch, asked_at + self._seconds
        return claimed

    async def keep(self, retrier: Retrier) -> None:
        """Renew until cancelled.

        Raises:
            LeaseLostError: another process has taken over, or the store does not answer.
        """

        async def renew() -> float:
            asked_at = self._clock.monotonic()
            await self._store.renew(self._pipeline, self.epoch)
            return asked_at

        while True:
            await asyncio.sleep(self._seconds / RENEWALS)
            try:
                # Who was frozen for longer than the lease may still find that nobody has taken over.
                left = self._acts_until - self._clock.monotonic()
                async with asyncio.timeout(max(left, self._seconds / RENEWALS)):
                    asked_at = await retrier.persist("state", "lease", renew)
            except CheckpointConflictError as error:
                raise self._lost("another process has taken the pipeline over") from error
            except TimeoutError as error:
                raise self._lost("the state store did not answer in time") from error
            self._acts_until = asked_at + self._seconds

    def _lost(self, why: str) -> LeaseLostError:
        self._acts_until = _LONG_AGO
        return LeaseLostError(
            f"the lease on {self._pipeline} is lost: {why}",
            hint="This process stands by, and takes over again when nobody else does the work.",
        )


_FENCED = frozenset(
    {
        *("add_tombstones", "drop_tombstones", "add_dirty", "clear_dirty"),
        *("add_dead_letters", "settle_dead_letter"),
    }
)
"""What a holder writes besides the checkpoint, which has its epoch in itself."""


class _Notes:
    """A store whose writes bear the epoch of a holder."""

    def __init__(self, store: Store, lease: Leaseholder) -> None:
        self._store = store
        self._lease = lease

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in _FENCED:
            return method

        async def write(*args: Any) -> Any:
            return await method(*args, epoch=self._lease.epoch)

        return write
