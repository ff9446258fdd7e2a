"""What an operator sees from outside: every log key and every metric, declared once.

Here belong the names, their meaning and their rendering. What a figure is worth, and when, is decided
by the rooms that report it; nothing here calls them except through the callable that a scrape asks.
"""

from replicator.telemetry.figures import MigrationFigures, PipelineFigures
from replicator.telemetry.registry import Metrics, PipelineMetrics

__all__ = ["Metrics", "MigrationFigures", "PipelineFigures", "PipelineMetrics"]
