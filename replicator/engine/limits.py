"""Limits that may change while a pipeline runs; whoever is bounded by one reads it here, each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from replicator.config.contradictions import of_limits, of_lists
from replicator.config.limits import Limits
from replicator.model.errors import ConfigError

FIXED = {
    "lease_seconds": "other processes have been told of it",
    "sink_call_seconds_max": "the sink was opened with it, and calls of unknown outcome are waited for as "
    "long as it says",
}
"""Limits that stay as they are configured while the service runs, each with the reason."""


class LiveLimits:
    """The limits of one running pipeline.

    Attributes:
        now: the limits at this moment; read at each use, never kept.
    """

    def __init__(self, limits: Limits) -> None:
        self.now = limits
        self._changed = asyncio.Event()
        self._followers: list[Callable[[], None]] = []

    def follow(self, told: Callable[[], None]) -> None:
        """Tell this one of every change, for as long as the pipeline lives."""
        self._followers.append(told)

    def change(self, limits: Limits) -> None:
        """From now on these hold. What is beyond a lower bound already is finished, and not repeated."""
        self.now = limits
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for told in self._followers:
            told()

    async def change_made(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()

    async def sleep(self, seconds: Callable[[Limits], float]) -> None:
        """Wait as long as the limits say; a change counts for a wait that has begun, too."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while (left := began + seconds(self.now) - clock()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self.change_made()
            except TimeoutError:
                return


def changed(limits: Limits, given: Mapping[str, Any], list_age_seconds_max: float) -> Limits:
    """The limits with some of them changed; ``list_age_seconds_max`` is the gate's bound for lists.

    Raises:
        ConfigError: names every limit that is unknown, may not change, or is out of its bounds.
    """
    try:
        found = Limits.model_validate(limits.model_dump() | dict(given))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise _refused(problems) from None
    problems = [
        f"{name}: stays as it is while the service runs, because {FIXED[name]}"
        for name in differing(found, limits)
        if name in FIXED
    ]
    contradictions = (*of_limits(found, ()), *of_lists(found, list_age_seconds_max, ()))
    problems += [f"{'.'.join(map(str, each.path))}: {each.message}" for each in contradictions]
    if problems:
        raise _refused(problems)
    return found


def _refused(problems: list[str]) -> ConfigError:
    return ConfigError(problems, hint="docs/configuration.md has the bounds of each limit.")


def differing(one: Limits, other: Limits) -> dict[str, Any]:
    """The limits of the first that are not as in the second."""
    kept = other.model_dump()
    return {name: value for name, value in one.model_dump().items() if value != kept[name]}
