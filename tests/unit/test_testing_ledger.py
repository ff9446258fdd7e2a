"""The ledger: each of its checks fails where its promise is broken, and only there."""

import pytest

from connectors.memory import MemoryContainer, MemoryTable
from connectors.memory.container import Operation, Verb
from replicator.model.checkpoint import Backfill, Checkpoint, Mode
from replicator.testing.items.ledger import Ledger

KEY = ("group", "key")
SHARD = "shard-0000"


class ManualClock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def wall(self):
        """Seconds since the epoch."""
        return self.now

    def monotonic(self):
        """The same."""
        return self.now


class Bench:
    """A table, a container and a ledger over both."""

    def __init__(self):
        self.clock = ManualClock()
        self.table = MemoryTable(1, self.clock)
        self.container = MemoryContainer()
        self.ledger = Ledger(self.table, self.container, self.clock)
        self.save(0)

    def put(self):
        """Commit a new state of the key, and return its document."""
        self.clock.now += 1.0
        self.table.put(KEY, self.ledger.stamp({}))
        return self.table.rows.get(KEY).document

    def delete(self):
        """Commit the key's deletion."""
        self.clock.now += 1.0
        self.table.delete(KEY)

    def land(self, document):
        """Let the sink show a document, or nothing with None."""
        verb = Verb.DELETE if document is None else Verb.UPSERT
        self.container.apply([Operation(verb, KEY, document)])

    def save(self, read):
        """A checkpoint that stands at this place becomes durable."""
        backfill = Backfill(run=1, mode=Mode.INSERT)
        self.ledger.saved(Checkpoint(1, {SHARD: str(read)}, backfill))

    @property
    def violations(self):
        """What the ledger found."""
        return self.ledger.violations


@pytest.fixture
def bench():
    """Both sides empty, a run begun."""
    return Bench()


def test_a_checkpoint_stands_behind_what_landed(bench):
    """A checkpoint may cover a change once the sink has shown it, or a later state of its key."""
    bench.put()
    bench.land(bench.put())
    bench.save(2)
    assert not bench.violations


def test_a_checkpoint_ahead_of_the_sink_is_seen(bench):
    """A checkpoint that covers a change that never reached the sink is a violation."""
    bench.land(bench.put())
    bench.put()
    bench.save(2)
    assert len(bench.violations) == 1


def test_a_deletion_lands_where_nothing_is_shown(bench):
    """A deletion counts as landed when the sink showed no record at some moment after it."""
    bench.land(bench.put())
    bench.delete()
    bench.save(2)
    assert len(bench.violations) == 1
    bench.land(None)
    bench.land(bench.put())
    bench.violations.clear()
    bench.save(3)
    assert not bench.violations


def test_forgetting_more_than_was_saved_is_seen(bench):
    """The source may be told to forget what the checkpoint holds, and nothing more."""
    bench.land(bench.put())
    bench.save(1)
    bench.ledger.committed({SHARD: "1"})
    assert not bench.violations
    bench.ledger.committed({SHARD: "2"})
    assert len(bench.violations) == 1


def test_a_lag_that_hides_a_change_is_seen(bench):
    """Nothing that is missing may be older than the lag that is reported."""
    bench.put()
    bench.clock.now += 5.0
    bench.ledger.reported(6.0)
    assert not bench.violations
    bench.ledger.reported(4.0)
    assert len(bench.violations) == 1


def test_a_gate_open_over_an_old_state_is_seen(bench):
    """Where the gate is open the sink shows what was current at the promised moment, or newer."""
    old, new = bench.put(), bench.put()
    bench.land(new)
    bench.ledger.opened(0.0)
    assert not bench.violations
    bench.land(old)
    bench.ledger.opened(0.0)
    assert len(bench.violations) == 1


def test_a_gate_open_over_a_leftover_is_seen(bench):
    """Where the gate is open the sink shows nothing that the source never had, or has deleted."""
    document = bench.put()
    bench.land(document)
    bench.delete()
    bench.ledger.opened(0.0)
    assert len(bench.violations) == 1


def test_a_proof_over_a_missing_change_is_seen(bench):
    """A proof that all up to a moment is applied must not leave a change out."""
    bench.put()
    bench.ledger.proved(0, "by mark")
    assert not bench.violations
    bench.ledger.proved(1, "by mark")
    assert len(bench.violations) == 1


def test_an_excused_change_is_not_missed(bench):
    """A change that the sink refuses for good is a dead letter, not a loss."""
    bench.put()
    bench.ledger.excuse(KEY, 1)
    bench.save(1)
    bench.clock.now += 5.0
    bench.ledger.reported(0.0)
    assert not bench.violations


def test_what_was_right_stays_right(bench):
    """After everything was equal a write that makes a key different is a violation."""
    old, new = bench.put(), bench.put()
    bench.land(new)
    assert bench.ledger.differences() == []
    bench.ledger.freeze()
    bench.land(new)
    assert not bench.violations
    bench.land(old)
    assert len(bench.violations) == 1
