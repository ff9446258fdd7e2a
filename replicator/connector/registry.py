"""The registry entry of a connector, what it is told, and what its probes find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from replicator.connector.ends import Sink, Source
from replicator.model.clock import Clock, SystemClock


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"  # the pipeline cannot work
    WARNING = "warning"  # it works, and something is worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a probe found, in words that an operator can act on.

    ``passing`` is True of what may pass by itself, such as a service that cannot be reached yet.
    """

    severity: Severity
    message: str
    hint: str = ""
    passing: bool = False


@runtime_checkable
class Probes(Protocol):
    """An end that can be examined before anything is copied."""

    async def probe(self) -> Sequence[Finding]:
        """Look at existence, settings, limits and permissions, changing nothing.

        Problems are findings, not errors; an unreachable service is a finding too.
        """


@dataclass(frozen=True, slots=True)
class Context:
    """What the service tells a connector about the pipeline it serves.

    ``call_seconds_max``: no sink call may be able to take effect later than this after it was sent;
    clients give up their calls within it.
    """

    pipeline: str
    call_seconds_max: float = 10.0
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True)
class Connector:
    """The registry entry of a connector.

    ``source_settings`` and ``sink_settings`` are pydantic models; the configuration file's section is
    validated with them, and the ``open_`` functions are given the result. Opening does no I/O.
    """

    name: str
    source_settings: type[Any] | None = None
    open_source: Callable[[Any, Context], Source] | None = None
    sink_settings: type[Any] | None = None
    open_sink: Callable[[Any, Context], Sink] | None = None
