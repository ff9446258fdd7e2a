"""Wiring: from settings to a service that is ready to run."""

from __future__ import annotations

import random
from dataclasses import dataclass

import structlog

from replicator.api import figures_of
from replicator.app.ends import Connectors, context_of, open_sink, open_source
from replicator.config.settings import PipelineSettings, Settings
from replicator.engine.parts import Parts
from replicator.engine.service import Service
from replicator.engine.supervisor import STANDING_BY, Charge, Supervisor
from replicator.model.clock import Clock, SystemClock
from replicator.model.errors import ReplicatorError
from replicator.stores import Store
from replicator.telemetry import Metrics

log = structlog.get_logger()


@dataclass(frozen=True)
class Built:
    """A service and its metrics, neither of them running yet."""

    service: Service
    metrics: Metrics


def build(settings: Settings, store: Store, connectors: Connectors) -> Built:
    """Make everything that the settings ask for."""
    clock = SystemClock()
    metrics = Metrics()
    supervisors = [
        Supervisor(_charge(pipeline, settings, store, connectors, metrics, clock), log_failure)
        for pipeline in settings.pipelines
    ]
    service = Service(settings.migration.name, supervisors, store, settings.gate, clock)
    metrics.observe_with(lambda: figures_of(service))
    return Built(service, metrics)


def _charge(
    pipeline: PipelineSettings,
    settings: Settings,
    store: Store,
    connectors: Connectors,
    metrics: Metrics,
    clock: Clock,
) -> Charge:
    context = context_of(pipeline, clock)
    timed = metrics.pipeline(pipeline.name).call_timed

    def assemble() -> Parts:
        return Parts(
            name=pipeline.name,
            source=open_source(pipeline, connectors, context),
            sink=open_sink(pipeline, connectors, context),
            store=store,
            limits=pipeline.limits,
            clock=clock,
            jitter=random.SystemRandom(),
            dead_letter_policy=settings.dead_letters.policy,
            dead_letters_open_max=settings.dead_letters.open_max,
            call_timed=timed,
            mode=pipeline.mode,
        )

    return Charge(
        name=pipeline.name,
        source=pipeline.source.connector,
        sink=pipeline.sink.connector,
        assemble=assemble,
        freshness_seconds_max=settings.gate.freshness_seconds_max,
        verify=settings.verify.automatic,
        limits=pipeline.limits,
        clock=clock,
    )


def log_failure(pipeline: str, error: BaseException) -> None:
    """Say why a pipeline stopped by itself; only what nobody foresaw is worth a traceback."""
    if isinstance(error, STANDING_BY):
        log.warning("pipeline.lease_lost", pipeline=pipeline, error=error.message, error_code=error.code)
        return
    if isinstance(error, ReplicatorError):
        log.error(
            "pipeline.failed",
            pipeline=pipeline,
            error=error.message,
            error_code=error.code,
            hint=error.hint,
        )
    else:
        log.error(
            "pipeline.failed",
            pipeline=pipeline,
            error=repr(error),
            error_code="internal",
            exc_info=error,
        )
