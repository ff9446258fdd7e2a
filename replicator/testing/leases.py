"""Who may send: the checks of leases, from what landed in the store and what left for the sink.

They know nothing of what a process believes. A lease lasts, for the world, until its seconds after the last
renewal *took effect*, which is never before the holder asked for it. What is checked:

- a lease is taken over only when it has run out, was released, or its process has ended;
- whoever sends anything that has an effect holds the newest claim, and its lease outlives the longest call;
- nothing of an older claim lands at the sink after a newer one has begun to send.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from replicator.testing.loop import Life, VirtualLoop, current_life

SLACK_SECONDS = 1e-6


@dataclass(slots=True)
class Tenancy:
    """One claim."""

    epoch: int
    life: Life | None
    seconds: float
    until: float
    released: bool = False
    sent: bool = False


@dataclass(slots=True)
class LeaseWatch:
    """The claims of a world's pipeline. ``complain`` is told what is wrong.

    ``call_seconds_max`` is the longest sink call; ``repeats`` whether a write that comes again does no
    harm, so that it may land at any time.
    """

    loop: VirtualLoop
    call_seconds_max: float
    repeats: bool
    complain: Callable[[str], None]
    _newest: Tenancy | None = None
    _of: dict[Life, Tenancy] = field(default_factory=dict)

    def claimed(self, epoch: int, seconds: float) -> None:
        """A claim took effect, of the process that runs now."""
        before, life, now = self._newest, current_life(), self.loop.time()
        if before is not None and not before.released and before.life is not life:
            ended = before.life is None or not before.life.alive
            if not ended and now < before.until - SLACK_SECONDS:
                self.complain(f"epoch {epoch} took over {before.until - now:.3f} s before the lease's end")
        if before is not None and epoch <= before.epoch:
            self.complain(f"epoch {epoch} was given again after {before.epoch}")
        self._newest = Tenancy(epoch, life, seconds, now + seconds)
        if life is not None:
            self._of[life] = self._newest

    def renewed(self, epoch: int) -> None:
        """A renewal took effect."""
        if self._newest is not None and self._newest.epoch == epoch:
            self._newest.until = self.loop.time() + self._newest.seconds

    def released(self, epoch: int) -> None:
        """A release took effect."""
        if self._newest is not None and self._newest.epoch == epoch:
            self._newest.released = True

    def sending(self, what: str) -> None:
        """The process that runs now sends something that has an effect."""
        life, newest, now = current_life(), self._newest, self.loop.time()
        if life is None:
            return
        tenancy = self._of.get(life)
        if tenancy is None or tenancy is not newest or tenancy.released:
            self.complain(f"{life.name} sends a {what} and does not hold the pipeline")
        elif now + self.call_seconds_max > tenancy.until + SLACK_SECONDS:
            self.complain(
                f"{life.name} sends a {what}, and its lease may end {tenancy.until - now:.3f} s later"
            )
        if tenancy is not None and what == "write":
            tenancy.sent = True

    def landed(self, sender: Life | None, epoch: int) -> None:
        """A write of this claim of a process has taken effect at the sink."""
        newest = self._newest
        if self.repeats or sender is None or newest is None or not newest.sent:
            return
        if epoch < newest.epoch:
            self.complain(f"a write of epoch {epoch} landed after epoch {newest.epoch} had begun to write")

    def epoch_of(self, life: Life | None) -> int:
        """The newest claim of a process; 0 before the first."""
        tenancy = None if life is None else self._of.get(life)
        return 0 if tenancy is None else tenancy.epoch
