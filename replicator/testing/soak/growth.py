"""Whether something grows: a robust slope over many lives of a process. Pure.

The slope is that of Theil and Sen: the median of the slopes of all pairs of samples. A storm that makes a
figure leap, or a third of the samples being wild, does not move it. Pairs are of one life only, because a
new process begins anew, and the first minute of each life is left out, because every process grows while it
warms up. What lives longer than a process, such as a file, is one life.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

WARM_UP_SECONDS = 60.0
APART_SECONDS_MIN = 20.0
POINTS_MAX = 200
RISING_SHARE_MIN = 0.6


@dataclass(frozen=True)
class Point:
    """A figure at a time, in seconds, in one life."""

    at: float
    life: int
    value: float


@dataclass(frozen=True)
class Growth:
    """What the samples say of one figure.

    Attributes:
        name: of the figure.
        level: its median.
        rise: the robust slope over the longest life.
        rise_max: what would be growth.
        rising_share: of all pairs, how many rise.
        seconds: of the longest life, without its warming up; 0 where there is too little to tell.
    """

    name: str
    level: float
    rise: float
    rise_max: float
    rising_share: float
    seconds: float

    @property
    def grows(self) -> bool:
        """Whether it rises further than it may, and most of the time."""
        return self.rise > self.rise_max and self.rising_share >= RISING_SHARE_MIN


def judge(name: str, points: Iterable[Point], *, share_max: float, least: float) -> Growth:
    """Tell whether a figure grows.

    Args:
        name: of the figure.
        points: in the order of time.
        share_max: the rise that is let pass, as a share of the median,
        least: or absolute, where that is more.
    """
    lives = _warm(points)
    slopes = sorted(slope for life in lives for slope in _slopes(life))
    values = [point.value for life in lives for point in life]
    if not slopes:
        return Growth(name, median(values) if values else 0.0, 0.0, least, 0.0, 0.0)
    seconds = max(life[-1].at - life[0].at for life in lives)
    level = median(values)
    rising = sum(slope > 0 for slope in slopes) / len(slopes)
    return Growth(name, level, median(slopes) * seconds, max(share_max * level, least), rising, seconds)


def _warm(points: Iterable[Point]) -> list[Sequence[Point]]:
    by_life: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        by_life[point.life].append(point)
    warm = [
        [point for point in life if point.at - life[0].at >= WARM_UP_SECONDS] for life in by_life.values()
    ]
    return [life[:: len(life) // POINTS_MAX + 1] for life in warm if len(life) > 1]


def _slopes(life: Sequence[Point]) -> Iterable[float]:
    for before, after in combinations(life, 2):
        if after.at - before.at >= APART_SECONDS_MIN:
            yield (after.value - before.value) / (after.at - before.at)
