"""Lag, freshness, backlog and retention: what is known of how far behind the sink is. Pure.

A figure that was never observed, or whose last observation is older than its bound, is unknown: None here,
``_known 0`` in metrics, and a closed gate. None of these figures is ever the age of the last applied
change, which grows on a healthy idle pipeline and freezes on a dead one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from replicator.connector import Start
from replicator.engine.lanes import Write
from replicator.model.change import Batch

CLOCK_SKEW_SECONDS = 2.0
"""How far the source's clock may be ahead of ours; both run NTP.

What was read to a later moment than that is evidence from before a clock was set, and proves nothing.
"""


class Partitions:
    """The open partitions, and the instant up to which each has proved itself read.

    ``observations`` counts the batches that proved anything, so that a caller can ask for newer evidence.
    """

    def __init__(self, start: Start) -> None:
        self.observations = 0
        self._read_to: dict[str, float | None] = dict.fromkeys(start.open_partitions)
        self._latest: dict[str, tuple[int, float]] = {}

    def observe(self, batch: Batch) -> None:
        """Take in what a batch proves. A child that its parent opened is unread until it is read."""
        if batch.ended:
            self._read_to.pop(batch.partition, None)
        elif batch.read_to is not None:
            self.observations += 1
            self._latest[batch.partition] = (self.observations, batch.read_to)
            self._read_to[batch.partition] = max(batch.read_to, self._read_to.get(batch.partition) or 0.0)
        for partition in batch.opened or {}:
            self._read_to.setdefault(partition, None)

    def rebase(self, start: Start) -> None:
        """After a reconnect: the partitions that are open now, with what is still true of them."""
        self._read_to = {name: self._read_to.get(name) for name in start.open_partitions}

    def read_beyond(self, moment: float, after: int = 0) -> bool:
        """True where every open partition has shown itself read to beyond this instant; never true of none.

        Only evidence that came after so many ``observations`` counts.
        """
        nothing = (0, 0.0)
        evidence = [self._latest.get(name, nothing) for name in self._read_to]
        return bool(evidence) and all(number > after and read_to > moment for number, read_to in evidence)

    @property
    def read_to(self) -> Mapping[str, float | None]:
        """Open partition to the instant up to which it is read; None where it never proved any."""
        return self._read_to


@dataclass(frozen=True, slots=True)
class Lag:
    """The figures of one pipeline at one moment, in seconds; None is unknown.

    Attributes:
        lag_seconds: now minus the commit time of the oldest change seen and not yet durable; 0 only
            where nothing is pending and every open partition is fresh.
        freshness_seconds: time since the stalest open partition last proved itself read.
        retention_left_seconds: until the oldest change still needed expires at the source.
        partitions_open, partitions_fresh: how many.
        stale: the partitions that are not fresh.
    """

    lag_seconds: float | None
    freshness_seconds: float | None
    retention_left_seconds: float | None
    partitions_open: int
    partitions_fresh: int
    stale: tuple[str, ...]


def measure(
    partitions: Partitions,
    oldest: Mapping[str, float],
    now: float,
    freshness_seconds_max: float,
    retention_seconds: float | None,
) -> Lag:
    """The figures at ``now``; the worst partition decides each.

    ``oldest`` is partition to the commit time of its oldest change that is seen and not durable.

    Retention left is unknown where the source keeps everything (``retention_seconds`` None) or where a
    partition has never been read.
    """
    read_to = partitions.read_to
    ages = {name: _age(seen, now) for name, seen in read_to.items()}
    stale = tuple(sorted(name for name, age in ages.items() if age is None or age > freshness_seconds_max))
    unread = any(age is None for age in ages.values()) or not ages
    return Lag(
        lag_seconds=_lag(oldest, stale, unread=unread, now=now),
        freshness_seconds=None if unread else max(age for age in ages.values() if age is not None),
        retention_left_seconds=_retention_left(oldest, read_to, retention_seconds, now),
        partitions_open=len(ages),
        partitions_fresh=len(ages) - len(stale),
        stale=stale,
    )


def _age(seen: float | None, now: float) -> float | None:
    """How long ago; None where it was never seen, or seen in a future that a stepped clock left behind."""
    if seen is None or seen > now + CLOCK_SKEW_SECONDS:
        return None
    return max(0.0, now - seen)


def oldest_pending(pending: Iterable[Write]) -> dict[str, float]:
    """Partition to the commit time of its oldest change that is not durable."""
    return oldest_by_partition(
        (write.partition, write.since) for write in pending if write.partition is not None
    )


def oldest_by_partition(pending: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Partition to the least of its times."""
    oldest: dict[str, float] = {}
    for partition, since in pending:
        before = oldest.get(partition)
        oldest[partition] = since if before is None else min(before, since)
    return oldest


def _lag(oldest: Mapping[str, float], stale: Iterable[str], *, unread: bool, now: float) -> float | None:
    if unread or any(name not in oldest for name in stale):
        return None
    return max((now - since for since in oldest.values()), default=0.0)


def _retention_left(
    oldest: Mapping[str, float],
    read_to: Mapping[str, float | None],
    retention_seconds: float | None,
    now: float,
) -> float | None:
    if retention_seconds is None:
        return None
    needed = list(oldest.values())
    for seen in read_to.values():
        if seen is None:
            return None
        needed.append(seen)
    return retention_seconds - max(0.0, now - min(needed)) if needed else None
