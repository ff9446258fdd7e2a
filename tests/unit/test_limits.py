"""Limits that change while a pipeline runs: who waits follows, and what may not change says why."""

import asyncio
from contextlib import closing

import pytest

from replicator.config.limits import Limits
from replicator.engine.limits import FIXED, LiveLimits, changed, differing
from replicator.model.errors import ConfigError
from replicator.testing.loop import virtual_loop

BOUND = 3600.0


def test_what_is_given_is_changed_and_the_rest_stays():
    """A change names some limits; the others are as they were."""
    after = changed(Limits(), {"sink_calls_in_flight_max": 8.0, "checkpoint_seconds": 2}, BOUND)
    assert differing(after, Limits()) == {"sink_calls_in_flight_max": 8, "checkpoint_seconds": 2.0}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"sink_calls_in_flight_max": 0}, "sink_calls_in_flight_max: Input should be greater"),
        ({"sink_calls_in_flight_max": 1.5}, "sink_calls_in_flight_max: Input should be a valid integer"),
        ({"sink_calls": 3}, "sink_calls: Extra inputs are not permitted"),
        ({"sink_call_seconds_max": 3}, f"because {FIXED['sink_call_seconds_max']}"),
        ({"retry_seconds_min": 60}, "retry_seconds_min: 60 is more than retry_seconds_max"),
        ({"list_seconds": 7200}, "list_seconds: 7200 is not less than gate.list_age_seconds_max"),
    ],
)
def test_what_is_out_of_bounds_is_refused(given, problem):
    """The same bounds and contradictions as in the configuration, and what may not change."""
    with pytest.raises(ConfigError) as refused:
        changed(Limits(), given, BOUND)
    assert problem in str(refused.value)
    assert refused.value.hint


def test_all_problems_are_told_at_once():
    """An operator sees everything that is wrong with a change."""
    with pytest.raises(ConfigError) as refused:
        changed(Limits(), {"checkpoint_seconds": 0, "unheard": 1}, BOUND)
    assert len(refused.value.problems) == 2


def test_what_may_not_change_may_be_given_as_it_is():
    """A whole document of limits may be sent back with one of them changed."""
    document = Limits().model_dump() | {"batch_changes_max": 7}
    assert differing(changed(Limits(), document, BOUND), Limits()) == {"batch_changes_max": 7}


def test_fixed_limits_exist():
    """A limit that is renamed does not become changeable by that."""
    assert FIXED.keys() <= Limits.model_fields.keys()


def test_a_change_reaches_who_waits():
    """A wait that has begun becomes shorter, or longer, with the limit that it is for."""
    with closing(virtual_loop(1)) as loop:
        limits = LiveLimits(Limits())

        async def live(seconds):
            limits.change(Limits(list_seconds=900))
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(limits.sleep(lambda now: now.list_seconds))
                await asyncio.sleep(10.0)
                limits.change(Limits(list_seconds=seconds))
                began = loop.time()
                await waiting
            return loop.time() - began

        assert loop.run_until_complete(live(15.0)) == pytest.approx(5.0)
        assert loop.run_until_complete(live(5.0)) == pytest.approx(0.0)
        assert loop.run_until_complete(live(1000.0)) == pytest.approx(990.0)


def test_followers_are_told_after_the_change():
    """Who is told sees the new limits."""
    limits, seen = LiveLimits(Limits()), []
    limits.follow(lambda: seen.append(limits.now.batch_changes_max))
    limits.change(Limits(batch_changes_max=7))
    assert seen == [7]
