"""The metrics of one service, as Prometheus scrapes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from replicator.telemetry.figures import MigrationFigures
from replicator.telemetry.metrics import ALL, SINK_CALL_SECONDS, Metric

Observe = Callable[[], MigrationFigures]


@dataclass(slots=True)
class PipelineMetrics:
    """What a pipeline feeds as it happens; label values are looked up once."""

    pipeline: str
    calls: Histogram
    _by_operation: dict[str, Histogram] = field(default_factory=dict)

    def call_timed(self, operation: str, seconds: float) -> None:
        """A sink call took so long, whatever its outcome."""
        timed = self._by_operation.get(operation)
        if timed is None:
            timed = self._by_operation[operation] = self.calls.labels(self.pipeline, operation)
        timed.observe(seconds)


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        ProcessCollector(registry=self.registry)
        self._calls = Histogram(
            SINK_CALL_SECONDS.name,
            SINK_CALL_SECONDS.help,
            SINK_CALL_SECONDS.labels,
            buckets=SINK_CALL_SECONDS.buckets,
            registry=self.registry,
        )

    def pipeline(self, name: str) -> PipelineMetrics:
        """What the pipeline of this name feeds."""
        return PipelineMetrics(name, self._calls)

    def observe_with(self, observe: Observe) -> None:
        """Ask this for the figures at every scrape. It must be quick, and is called once a scrape."""
        self.registry.register(_Observed(observe))

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type, in the form that the Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class _Observed(Collector):
    """Turns figures into samples. ``describe`` spares the registry a first observation."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe

    def describe(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        return (_family(metric) for metric in _scraped())

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        figures = self._observe()
        for metric in _scraped():
            family = _family(metric)
            for labels, value in metric.samples(figures):
                family.add_metric(labels, value)
            yield family


def _scraped() -> Iterator[Metric]:
    return (metric for metric in ALL if metric.kind != "histogram")


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)
