"""Writes ``docs/metrics.md`` from the declarations.

Run ``python -m replicator.telemetry.reference``, or with ``--check`` to learn whether it is current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from replicator.telemetry.metrics import ALL, Metric

PATH = Path("docs/metrics.md")

_HEAD = """\
# Metrics

Served at `GET /metrics` in the Prometheus format. Generated from `replicator/telemetry/metrics.py` by
`python -m replicator.telemetry.reference`; do not edit.

Figures are computed when they are scraped. One that is unknown has no sample, and its `_known` is 0: alert
on that too. Totals begin again at 0 when the process starts. The process's own metrics (`process_*`) are
those of the Prometheus client.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def document() -> str:
    """The whole page."""
    return _HEAD + "".join(_row(metric) for metric in ALL)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |\n"


def main(arguments: list[str]) -> int:
    """Write the page, or, with ``--check``, say whether it is current."""
    if "--check" in arguments:
        return 0 if PATH.read_text() == document() else 1
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
