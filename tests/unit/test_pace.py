"""Pace: less where a service asks for less, soon; more again where it does not, slowly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator.engine.pace import RECOVERY_SECONDS, SHARE_MIN, Pace


def live(pace, seconds, *, calls, throttled, start=0.0):
    """So many calls in each second, so many of them throttled; the share at the end."""
    for second in range(seconds):
        for number in range(calls):
            pace.note(start + second + number / calls, throttled=number < throttled)
    return pace.share(start + seconds)


def test_without_throttling_everything_is_allowed():
    """Nothing is held back that nobody asked to hold back."""
    assert live(Pace(0.0), 100, calls=50, throttled=0) == 1.0


def test_a_second_of_throttling_halves_the_pace():
    """Multiplicative: each second in which everything is throttled leaves half, down to the least share."""
    pace = Pace(0.0)
    assert live(pace, 1, calls=10, throttled=10) == 0.5
    assert live(pace, 1, calls=10, throttled=10, start=1.0) == 0.25
    assert live(pace, 60, calls=10, throttled=10, start=2.0) == SHARE_MIN


def test_it_recovers_by_a_step_a_second():
    """Additive: equal steps, from almost nothing to everything within the recovery time."""
    pace = Pace(0.0)
    low = live(pace, 20, calls=1, throttled=1)
    assert live(pace, 3, calls=10, throttled=0, start=20.0) == pytest.approx(low + 3 / RECOVERY_SECONDS)
    assert live(pace, int(RECOVERY_SECONDS), calls=10, throttled=0, start=23.0) == 1.0


def test_time_without_calls_recovers_as_well():
    """A side that is left alone is not held back for what it said long ago."""
    pace = Pace(0.0)
    live(pace, 20, calls=1, throttled=1)
    assert pace.share(20.0 + RECOVERY_SECONDS) == 1.0


def test_one_hot_key_leaves_the_others_their_pace():
    """A few throttled calls among many lower it little; half of them a lot."""
    assert live(Pace(0.0), 300, calls=100, throttled=3) > 0.95
    assert live(Pace(0.0), 300, calls=100, throttled=50) < 0.1


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60))
def test_the_share_stays_within_its_bounds(steps):
    """Whatever happens when, and the same again gives the same."""
    shares = []
    for _ in range(2):
        pace, now = Pace(0.0), 0.0
        for wait, throttled in steps:
            now += wait
            pace.note(now, throttled=throttled)
            assert SHARE_MIN <= pace.share(now) <= 1.0
        shares.append(pace.share(now + 1.0))
    assert shares[0] == shares[1]
