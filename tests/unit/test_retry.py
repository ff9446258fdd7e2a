"""Back-off: waits grow, stay bounded, and never undercut what the service asked for."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from replicator.config.limits import Limits
from replicator.engine.limits import LiveLimits
from replicator.engine.rate import Rate
from replicator.engine.retry import Backoff, Retrier, Troubles
from replicator.model.errors import TransientError

LIMITS = Limits(retry_seconds_min=0.001, retry_seconds_max=0.01)


@given(st.integers(0, 60), st.integers())
def test_waits_are_bounded(attempts: int, seed: int) -> None:
    """However often it failed, the wait lies between half the minimum and the maximum."""
    backoff = Backoff(LiveLimits(Limits()), random.Random(seed))
    for _ in range(attempts):
        backoff.next_seconds(TimeoutError())
    assert 0.05 <= backoff.next_seconds(TimeoutError()) <= 30.0


@given(st.floats(0, 1000), st.integers())
def test_the_service_is_obeyed(asked: float, seed: int) -> None:
    """A wait is never shorter than retry-after says."""
    error = TransientError("slow down", retry_after_seconds=asked, settled=True, reason="throttled")
    assert Backoff(LiveLimits(Limits()), random.Random(seed)).next_seconds(error) >= asked


def test_reset_makes_the_next_failure_a_first_one() -> None:
    """After a success the wait is short again."""
    backoff = Backoff(LiveLimits(Limits()), random.Random(1))
    for _ in range(20):
        backoff.next_seconds(TimeoutError())
    backoff.reset()
    assert backoff.next_seconds(TimeoutError()) <= 0.1


async def test_persist_repeats_and_shows_why() -> None:
    """What may succeed later is repeated; meanwhile its reason is told, and afterwards it is gone."""
    troubles = Troubles(lambda: 7.0)
    retrier = Retrier(LiveLimits(LIMITS), random.Random(1), troubles)
    seen: list[tuple[str, str, int]] = []

    async def attempt() -> str:
        seen.extend((trouble.side, trouble.reason, trouble.attempts) for trouble in troubles.current)
        if len(seen) < 2:
            raise TransientError("busy", settled=True, reason="throttled")
        return "done"

    assert await retrier.persist("sink", "connect", attempt) == "done"
    assert seen[-1] == ("sink", "throttled", 2)
    assert troubles.current == ()
    assert troubles.retries == {("sink", "throttled"): 2}


def test_a_rate_needs_two_samples_and_forgets() -> None:
    """A rate is known from two samples on, and only of the last seconds."""
    rate = Rate()
    rate.sample(0.0, 0.0)
    assert rate.per_second() is None
    rate.sample(10.0, 100.0)
    assert rate.per_second() == 10.0
    rate.sample(20.0, 100.0)
    assert rate.per_second() == 0.0


def test_a_counter_that_shrank_begins_anew() -> None:
    """A new backfill run starts its own rate."""
    rate = Rate()
    rate.sample(0.0, 50.0)
    rate.sample(1.0, 10.0)
    assert rate.per_second() is None
