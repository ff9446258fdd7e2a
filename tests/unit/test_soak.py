"""The parts of a soak that decide: what counts as growth, what strikes, what is told and drawn."""

import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from replicator.demo.comparison import Comparison
from replicator.testing.loop import seeded
from replicator.testing.reliability.page import page
from replicator.testing.reliability.tally import Tally
from replicator.testing.simulator import run_seed
from replicator.testing.soak.faults import ENDS_A_LIFE, KINDS, draw
from replicator.testing.soak.growth import WARM_UP_SECONDS, Point, judge
from replicator.testing.soak.main import document_of
from replicator.testing.soak.plot import PANELS, draw_svg
from replicator.testing.soak.run import GROWTHS, Outcome, Strike, growths_of
from replicator.testing.soak.samples import Sample


def life(number, value, seconds=600, start=0):
    """Points of one life, a second apart, whose value is a function of the life's age."""
    return [Point(start + at, number, value(at)) for at in range(0, seconds, 2)]


def grows(*lives):
    """Whether a figure with these lives is taken to grow, by more than a tenth or 10."""
    return judge("figure", [point for each in lives for point in each], share_max=0.1, least=10).grows


def test_a_leak_is_growth():
    """A steady rise is found beneath noise that is larger than its steps."""
    noise = random.Random(1)
    assert grows(life(0, lambda at: 200 + at / 10 + noise.uniform(-20, 20)))


def test_noise_and_storms_are_not_growth():
    """Neither noise, nor spikes in a third of the samples, nor a fall are growth."""
    noise = random.Random(2)
    assert not grows(life(0, lambda at: 200 + noise.uniform(-50, 50)))
    assert not grows(life(0, lambda at: 1_000 if noise.random() < 0.3 else 200))
    assert not grows(life(0, lambda at: 500 - at / 10))


def test_warming_up_is_not_growth():
    """What rises in the first minute of each life, and stays, does not grow."""
    warming = [
        life(number, lambda at: min(at, WARM_UP_SECONDS) * 5, 300, number * 300) for number in range(3)
    ]
    assert not grows(*warming)


def test_a_new_process_hides_no_leak():
    """A leak that every kill sets back is found within the lives."""
    assert grows(*(life(number, lambda at: 100 + at / 4, 300, number * 300) for number in range(4)))


def test_too_little_tells_nothing():
    """A run without a warm life says that it cannot tell."""
    found = judge("figure", life(0, lambda at: at * 100, 50), share_max=0.1, least=10)
    assert (found.grows, found.seconds) == (False, 0)


def test_every_kind_of_fault_is_drawn_and_a_seed_draws_the_same():
    """All kinds come up; the same seed gives the same ones; what is left out does not come."""
    kinds = [draw(chance) for chance in [seeded("a")] for _ in range(500)]
    assert kinds == [draw(chance) for chance in [seeded("a")] for _ in range(500)]
    assert set(kinds) == set(KINDS)
    chance = seeded("b")
    assert not ENDS_A_LIFE & {draw(chance, without=ENDS_A_LIFE) for _ in range(500)}


def outcome(*, extra=()):
    """A run of ten minutes that went well but for what is given."""
    one = Sample(0, 0, 2e8, 100, 6, 90, 1e6, 0.5, 3, 100)
    samples = [replace(one, at=float(at), life=at // 300) for at in range(0, 600, 2)]
    told = Outcome(7, 10.0, strikes=[Strike(5.0, 3.0, "cloud frozen")], samples=samples)
    told.written = {"orders": {"loaded": 5, "updated": 2}}
    told.comparisons = [Comparison("DynamoDB", 2, 2), Comparison("Cosmos DB", 2, 2, extra=list(extra))]
    told.growths = growths_of(samples)
    return told


def test_a_run_complains_of_what_is_wrong():
    """A message that is there twice is a complaint; a run without any has none."""
    assert outcome().complaints == []
    assert outcome(extra=[("a", "b")]).complaints == ["extra in Cosmos DB: a / b"]
    assert {growth.name for growth in outcome().growths} == set(GROWTHS)


def test_the_picture_has_a_panel_for_each_figure():
    """It names every figure and every kind that struck, and has a line for each life."""
    picture = draw_svg(outcome())
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    assert {panel.title for panel in PANELS} <= set(texts)
    assert "cloud frozen × 1" in texts
    assert picture.count('stroke-width="1.3"') == 2 * len(PANELS)


def test_the_page_counts_what_was_found():
    """Seeds, fates, planted bugs and soaks are told, and what was found stands in its column."""
    tally = Tally()
    for seed in range(3):
        tally.add(run_seed(seed))
    assert tally.seeds == 3
    assert tally.effects > 0
    assert sum((tally.faults - Counter(killed=10**6)).values()) > 0
    told = page({"items": tally}, {"a_bug": 4, "another": None}, [document_of(outcome(extra=[("a",)]))])
    assert "| seeds | 3 |" in told
    assert "| `a_bug` | 4 |" in told
    assert "| `another` | **none** |" in told
    assert "| Cosmos DB | 2 | 2 | 0 | 0 | 1 |" in told
    assert "| 7 | 10 | 7 | 1 | 0 | 0 | 1 | nothing |" in told


@pytest.mark.parametrize("empty", [[], None])
def test_the_page_without_a_soak_tells_the_rest(empty):
    """Where no soak was run, nothing is said of any."""
    assert "Soaks" not in page({}, {}, empty or [])
