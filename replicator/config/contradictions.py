"""What is wrong only together: settings that are each allowed and cannot all be meant."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from replicator.config.limits import Limits
from replicator.config.problems import Path, Problem
from replicator.config.secrets import read_secret
from replicator.config.settings import End, Settings
from replicator.model.errors import ConfigError

_WHERE = frozenset(
    {
        *("endpoint", "endpoint_url", "region", "namespace"),
        *("connection_env", "connection_file", "connection_string_env", "connection_string_file"),
    }
)
"""Settings that say where something is, besides those without a default, which say what.

Of settings of which exactly one is needed, every one says what; the schema lists them under ``oneOf``.
"""


def contradictions(settings: Settings, environ: Mapping[str, str]) -> list[Problem]:
    """Everything that contradicts something else, or names what is not there."""
    return [
        *_token(settings, environ),
        *of_limits(settings.limits, ("limits",)),
        *_pipelines(settings),
        *_shared_sinks(settings),
        *_shared_queues(settings),
    ]


def _token(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    api = settings.api
    try:
        read_secret(api.token_file, api.token_env, environ)
    except ConfigError as error:
        name = "token_file" if api.token_file is not None else "token_env"
        yield Problem(("api", name), str(error), error.hint)


def of_limits(limits: Limits, path: Path) -> Iterator[Problem]:
    """What contradicts itself within limits."""
    if limits.retry_seconds_min > limits.retry_seconds_max:
        yield Problem(
            (*path, "retry_seconds_min"),
            f"{limits.retry_seconds_min:g} is more than retry_seconds_max, {limits.retry_seconds_max:g}",
            "The first wait is the shortest.",
        )
    if limits.lease_seconds < 2 * limits.sink_call_seconds_max:
        yield Problem(
            (*path, "lease_seconds"),
            f"{limits.lease_seconds:g} is less than twice sink_call_seconds_max,"
            f" {limits.sink_call_seconds_max:g}",
            "Nothing is sent that the lease might not outlive; three times as much is a good choice.",
        )


def _pipelines(settings: Settings) -> Iterator[Problem]:
    names: set[str] = set()
    for number, pipeline in enumerate(settings.pipelines):
        path = ("pipelines", number)
        if pipeline.name in names:
            yield Problem(
                (*path, "name"), f"another pipeline is called {pipeline.name}", "Names are unique."
            )
        names.add(pipeline.name)
        yield from _freshness(settings, pipeline.source, path)
        limits = effective(settings.limits, pipeline.limits)
        yield from of_lists(limits, settings.gate.list_age_seconds_max, (*path, "limits"))
        if pipeline.limits.model_fields_set:
            yield from of_limits(limits, (*path, "limits"))


def _freshness(settings: Settings, source: End, path: Path) -> Iterator[Problem]:
    bound = settings.gate.freshness_seconds_max
    for name in ("poll_seconds", "quiet_seconds"):
        seconds = getattr(source.settings, name, 0)
        if seconds >= bound:
            yield Problem(
                (*path, "source", name),
                f"{seconds:g} is not less than gate.freshness_seconds_max, {bound:g}",
                "An idle partition would never be fresh, and the gate never open.",
            )


def of_lists(limits: Limits, bound: float, path: Path) -> Iterator[Problem]:
    """Lists that are too seldom for the gate, whose bound this is."""
    if limits.list_seconds >= bound:
        yield Problem(
            (*path, "list_seconds"),
            f"{limits.list_seconds:g} is not less than gate.list_age_seconds_max, {bound:g}",
            "The last list would be too old for the gate before the next one is complete.",
        )


def _shared_sinks(settings: Settings) -> Iterator[Problem]:
    writers: dict[Hashable, str] = {}
    for number, pipeline in enumerate(settings.pipelines):
        if not pipeline.sink.connector:  # it is not valid, and something else was said of it
            continue
        first = writers.setdefault(_target(pipeline.sink), pipeline.name)
        if first != pipeline.name:
            yield Problem(
                ("pipelines", number, "sink"),
                f"the pipeline {first} writes to the same place",
                "Two pipelines would overwrite each other's records; give each a place of its own.",
            )


def _shared_queues(settings: Settings) -> Iterator[Problem]:
    takers: list[tuple[str, tuple[str | None, ...]]] = []
    for number, pipeline in enumerate(settings.pipelines):
        queue = getattr(pipeline.source.settings, "takes_from", None)
        if queue is None:
            continue
        for first in [name for name, other in takers if _may_be_one(queue, other)][:1]:
            yield Problem(
                ("pipelines", number, "source"),
                f"the pipeline {first} takes messages from the same queue, as far as the settings tell",
                "Reading a queue takes from it: each would lack what the other got. Give each its own, and "
                "name both by their URLs.",
            )
        takers.append((pipeline.name, queue))


def _may_be_one(queue: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
    """Whether two queues are one; where one is named by its URL and the other is not, the names decide."""
    if len(queue) == len(other):
        return queue == other
    return str(queue[-1]).rpartition("/")[2] == str(other[-1]).rpartition("/")[2]


def _target(end: End) -> Hashable:
    """What a sink writes to."""
    schema = type(end.settings).model_json_schema()
    choices = {name for choice in schema.get("oneOf", ()) for name in choice["required"]}
    names = sorted({*schema.get("required", ()), *choices, *_WHERE} & schema["properties"].keys())
    return end.connector, tuple((name, str(getattr(end.settings, name))) for name in names)


def effective(common: Limits, own: Limits) -> Limits:
    """A pipeline's bounds: its own where it sets them, else the common ones."""
    return common.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
