"""The processes of a world: one, or two that share store, source and sink; and what befalls them.

What a seed decides of them is drawn by itself, so that it changes nothing else of the seed's world.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from replicator.config.limits import Limits
from replicator.engine.supervisor import Supervisor
from replicator.testing.loop import Life, VirtualLoop, seeded
from replicator.testing.network import Network


@dataclass(frozen=True, slots=True)
class Company:
    """How many processes there are, and what befalls them besides kills and stops.

    Attributes:
        replicas: how many run at a time.
        freezes: how often one gets no time for longer than its lease.
        cuts: how often one cannot reach the store for about as long.
        deaths_known: whether the store tells that a process has ended, as on one host.
        lease_factor: the lease, in longest sink calls.
    """

    replicas: int
    freezes: int
    cuts: int
    deaths_known: bool
    lease_factor: float

    def limits(self, limits: Limits) -> Limits:
        """The bounds, with a lease."""
        seconds = self.lease_factor * limits.sink_call_seconds_max
        return limits.model_copy(update={"lease_seconds": seconds})


def draw_company(seed: int, *, alone: bool) -> Company:
    """The processes of a seed; two in a third of the worlds, unless there can only be one."""
    chance = seeded(f"company {seed}")
    two = chance.random() < 1 / 3 and not alone
    return Company(
        replicas=2 if two else 1,
        freezes=chance.choice((0, 1, 2)) if two else chance.choice((0, 0, 0, 1)),
        cuts=chance.choice((0, 1, 2, 2)) if two else chance.choice((0, 0, 0, 1)),
        deaths_known=chance.random() < 0.5 if two else chance.random() < 0.9,
        lease_factor=chance.choice((2.0, 2.0, 3.0)),
    )


class Replica:
    """Where a process of the service runs, one after the other.

    Attributes:
        local: what lies between it and the store.
        life, supervisor, process: of the newest process; None before the first.
    """

    def __init__(self, local: Network) -> None:
        self.local = local
        self.life: Life | None = None
        self.supervisor: Supervisor | None = None
        self.process: asyncio.Task[None] | None = None

    @property
    def acts(self) -> bool:
        """Whether it is alive and certain that it is the one at work."""
        life, supervisor = self.life, self.supervisor
        return (
            life is not None
            and supervisor is not None
            and life.alive
            and not life.frozen
            and supervisor.holds_lease
        )

    async def freeze(self, loop: VirtualLoop, seconds: float) -> None:
        """Give the process no time for so long."""
        life = self.life
        if life is not None:
            life.freeze()
            await asyncio.sleep(seconds)
            life.thaw(loop)

    def cut(self, until: float) -> None:
        """Let calls to the store hang until this moment; those under way are answered then."""
        self.local.cut_until = until
