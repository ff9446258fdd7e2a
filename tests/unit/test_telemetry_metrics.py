"""Metrics: declared once, scraped without global state, unknown where unknown."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from replicator.telemetry import Metrics, MigrationFigures, PipelineFigures, reference
from replicator.telemetry.metrics import ALL

ROOT = Path(__file__).parents[2]
LABELS = {"pipeline", "connector", "side", "stage", "error_code", "state", "op", "reason"}

FULL = PipelineFigures(
    pipeline="orders",
    connectors={"source": "dynamodb", "sink": "cosmos"},
    state="running",
    lag_seconds=0.0,
    freshness_seconds=0.25,
    backlog_changes=7,
    backlog_oldest_seconds=1.5,
    retention_left_seconds=80_000.0,
    partitions_open=4,
    partitions_fresh=3,
    changes_in_flight=12,
    bytes_in_flight=4_096,
    lanes=10,
    checkpoint_saved_at=1_700_000_000.5,
    backfill_phase="sweep",
    backfill_rows_estimated=1_000,
    backfill_pieces=8,
    backfill_pieces_done=2,
    dead_letters_open=1,
    mismatches_found={"missing": 2, "extra": 0},
    mismatches_left=1,
    verify_completed_at=1_700_000_100.0,
    listed_at=1_700_000_050.0,
    list_differences=2,
    write_tested=True,
    positions_lost=1,
    changes_read=100,
    changes_written={"apply": 90},
    changes_refused=1,
    rows_backfilled=500,
    sink_calls={("apply", "ok"): 9, ("apply", "failed"): 1},
    retries={("sink", "throttled"): 3},
    throttled_seconds={"sink": 1.5},
    troubles={("sink", "throttled"): 1},
    verify_keys={"source": 600},
    calls_allowed={"sink": 7},
)


def scraped(figures: MigrationFigures, metrics: Metrics | None = None):
    """Sample name and labels to value, as Prometheus would read them."""
    metrics = metrics or Metrics()
    metrics.observe_with(lambda: figures)
    text, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    families = text_string_to_metric_families(text.decode())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def migration(*pipelines: PipelineFigures, **figures) -> MigrationFigures:
    """A migration of these pipelines."""
    return MigrationFigures(version="1.2.3", pipelines=pipelines, **figures)


def of(pipeline: str, **labels: str):
    """The labels of a pipeline's sample."""
    return tuple(sorted({"pipeline": pipeline, **labels}.items()))


def test_every_declared_metric_is_scraped():
    """With everything known, each declared metric has a sample."""
    metrics = Metrics()
    metrics.pipeline("orders").call_timed("apply", 0.02)
    samples = scraped(migration(FULL, blocked=(("orders", "dead_letters"),)), metrics)
    names = {name for name, _ in samples}
    missing = [
        metric.name for metric in ALL if metric.name not in names and f"{metric.name}_count" not in names
    ]
    assert missing == []


def test_values_are_what_was_reported():
    """Samples carry the figures under the right labels."""
    samples = scraped(migration(FULL, cutover_ready=True))
    assert samples["replicator_build_info", (("version", "1.2.3"),)] == 1
    assert samples["replicator_cutover_ready", ()] == 1
    assert samples["replicator_lag_seconds", of("orders")] == 0
    assert samples["replicator_changes_written_total", of("orders", op="apply")] == 90
    assert samples["replicator_sink_calls_total", of("orders", op="apply", state="failed")] == 1
    assert samples["replicator_retries_total", of("orders", side="sink", reason="throttled")] == 3
    assert samples["replicator_verify_mismatches_found", of("orders", reason="missing")] == 2
    assert samples["replicator_pipeline_info", of("orders", side="sink", connector="cosmos")] == 1


@pytest.mark.parametrize("name", ["lag", "freshness", "backlog", "backlog_oldest", "retention_left"])
def test_unknown_is_told_from_zero(name: str):
    """An unknown figure has no value, and says so; a known zero has both."""
    samples = scraped(migration(PipelineFigures(pipeline="new"), FULL))
    unit = "changes" if name == "backlog" else "seconds"
    assert samples[f"replicator_{name}_known", of("new")] == 0
    assert (f"replicator_{name}_{unit}", of("new")) not in samples
    assert samples[f"replicator_{name}_known", of("orders")] == 1
    assert (f"replicator_{name}_{unit}", of("orders")) in samples


def test_a_state_is_one_among_zeros():
    """Every state and phase has a series, and exactly the present one is 1."""
    samples = scraped(migration(FULL))
    states = {
        dict(labels)["state"]: value
        for (name, labels), value in samples.items()
        if "pipeline_state" in name
    }
    assert states["running"] == 1
    assert sum(states.values()) == 1
    phases = {
        dict(labels)["stage"]: value
        for (name, labels), value in samples.items()
        if "backfill_phase" in name
    }
    assert phases == {"rows": 0, "end_mark": 0, "sweep": 1, "complete": 0}


def test_reasons_are_one_each():
    """A reason reported twice is one sample; one that concerns all has an empty pipeline."""
    samples = scraped(migration(blocked=(("orders", "lag"), ("orders", "lag"), ("", "not_stable"))))
    blocked = {labels for (name, labels) in samples if name == "replicator_cutover_blocked"}
    assert blocked == {of("orders", reason="lag"), of("", reason="not_stable")}


def test_two_services_share_nothing():
    """Metrics of one service do not show in another's."""
    first, second = Metrics(), Metrics()
    first.pipeline("orders").call_timed("apply", 1.0)
    samples = scraped(migration(), second)
    assert not any(name.startswith("replicator_sink_call_seconds") for name, _ in samples)


def test_a_new_observer_is_not_asked_before_a_scrape():
    """Registering asks nothing; each scrape asks once."""
    asked = []

    def observe() -> MigrationFigures:
        asked.append(1)
        return migration()

    metrics = Metrics()
    metrics.observe_with(observe)
    assert asked == []
    metrics.render("application/openmetrics-text; version=1.0.0")
    assert asked == [1]


def test_names_follow_the_guide():
    """Prefix, base units, ``_total`` exactly on counters, labels from the closed list, a sentence each."""
    for metric in ALL:
        assert metric.name.startswith("replicator_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert set(metric.labels) <= (LABELS if metric.name != "replicator_build_info" else {"version"})
        assert metric.help.endswith(".")
    assert len({metric.name for metric in ALL}) == len(ALL)


def test_the_table_is_current(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """``docs/metrics.md`` is what the declarations generate, and the check tells when it is not."""
    assert (ROOT / reference.PATH).read_text() == reference.document()
    monkeypatch.chdir(tmp_path)
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    reference.PATH.write_text("old")
    assert reference.main(["--check"]) == 1
