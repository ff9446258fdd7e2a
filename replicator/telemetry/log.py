"""How log lines are made: JSON for machines, columns for people, nothing secret, nothing repeated.

Everything goes to standard error, so that standard output stays the commands' own.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Literal, TextIO

import structlog
from structlog.typing import ExcInfo, Processor

from replicator.telemetry.redact import mask_secrets, masked
from replicator.telemetry.repeats import RepeatLimiter

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]


def configure(level: Level = "info", form: Format = "auto", stream: TextIO | None = None) -> None:
    """Set logging up for this process; the last call holds.

    Args:
        level: lines below it are left out.
        form: ``auto`` is ``console`` on a terminal and ``json`` elsewhere.
        stream: where lines go; standard error by default.
    """
    out = sys.stderr if stream is None else stream
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_shared(), *_rendering(form, out)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _pass_libraries_on(threshold)


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        RepeatLimiter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]


def _rendering(form: Format, out: TextIO) -> list[Processor]:
    if form == "console" or (form == "auto" and out.isatty()):
        columns = structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=_write_masked)
        return [mask_secrets, columns]
    return [structlog.processors.format_exc_info, mask_secrets, structlog.processors.JSONRenderer()]


def _write_masked(out: TextIO, error: ExcInfo) -> None:
    out.write("\n" + masked("".join(traceback.format_exception(*error))))


class _PassOn(logging.Handler):
    """Makes a library's warning one of our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        line = structlog.get_logger().bind(library=record.name, message=record.getMessage())
        line.log(record.levelno, "library.warned", exc_info=record.exc_info)


def _pass_libraries_on(threshold: int) -> None:
    """Libraries speak from warning on: below it the SDKs log request headers."""
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _PassOn)]
    root.addHandler(_PassOn())
    root.setLevel(max(logging.WARNING, threshold))
