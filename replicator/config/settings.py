"""The settings tree. Units stand last in a name; every number has bounds; nothing unknown is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

from replicator.config.limits import Limits

NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
"""Safe as a metric label, in a URL and in a file name."""

NAME_FORM = "up to 63 lower-case letters, digits, - and _, beginning with a letter"


class Section(BaseModel):
    """A part of the tree: it cannot be changed, and what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Migration(Section):
    """The pipelines that cut over together."""

    name: str = Field(
        default="migration", pattern=NAME_PATTERN, description=f"Name of the migration: {NAME_FORM}."
    )
    strategy: Literal["planned_downtime", "minimized_downtime", "zero_downtime"] = Field(
        default="minimized_downtime",
        description="How the workload moves; it decides what the cutover does.",
    )


class State(Section):
    """The durable notes of the service: checkpoints, tombstones, dead letters, journal."""

    path: Path = Field(
        default=Path("run/replicator.db"),
        description="The state file, on a local volume that outlives the process. Missing directories "
        "are made. Several processes of one host may share it: one works, the others stand by.",
    )


class Api(Section):
    """The HTTP address of health, metrics, status and commands.

    Commands want a bearer token; where none is named, they are refused.
    """

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8700, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    token_file: Path | None = Field(default=None, description="File that holds the token for commands.")
    token_env: str | None = Field(
        default=None, min_length=1, description="Name of the environment variable that holds the token."
    )

    @model_validator(mode="after")
    def _names_one_token(self) -> Self:
        if self.token_file is not None and self.token_env is not None:
            raise ValueError("token_file and token_env are both set; keep one")
        return self


class Log(Section):
    """Log lines, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lines below this level are left out."
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="`auto` is `console` on a terminal and `json` elsewhere."
    )


class Gate(Section):
    """What has to hold, for every pipeline, before a cutover is safe."""

    lag_seconds_max: float = Field(
        default=5.0,
        ge=1,
        description="The lag may be no more. Commit times of a source may be whole seconds.",
    )
    freshness_seconds_max: float = Field(
        default=15.0,
        gt=0,
        description="Every open partition has to have proved itself read within this time.",
    )
    retention_seconds_min: float = Field(
        default=43_200.0,
        ge=0,
        description="What is still needed must not expire at the source sooner. DynamoDB Streams keeps "
        "a change for 86400 seconds.",
    )
    list_age_seconds_max: float = Field(
        default=3600.0,
        gt=0,
        description="Of objects: the last reconciling list of both sides began no longer ago than this.",
    )
    stable_for_seconds: float = Field(
        default=10.0, ge=0, description="All conditions have to hold for so long without a break."
    )


class Verify(Section):
    """The comparison of both sides, key by key."""

    automatic: bool = Field(
        default=True, description="Whether a complete pass begins by itself when a backfill is complete."
    )


class DeadLetters(Section):
    """Changes that a sink refuses for good."""

    policy: Literal["keep", "stop"] = Field(
        default="keep", description="`keep` keeps the change and goes on; `stop` stops the pipeline."
    )
    open_max: int = Field(
        default=1_000, ge=1, le=1_000_000, description="The pipeline stops when more than so many are open."
    )


class End(Section):
    """One end of a pipeline: a connector by name, and that connector's own settings beside it."""

    connector: str = Field(description="Name of an installed connector.")
    settings: SerializeAsAny[BaseModel] = Field(description="The connector's own settings, validated.")


class PipelineSettings(Section):
    """One source paired with one sink."""

    name: str = Field(pattern=NAME_PATTERN, description=f"Name of the pipeline, unique: {NAME_FORM}.")
    source: End = Field(description="Where changes come from.")
    sink: End = Field(description="Where they go. No other pipeline may write there.")
    mode: Literal["hold", "bridge"] | None = Field(
        default=None,
        description="Of queues only. `hold` (the default): messages stay at the source while its consumers "
        "are there; what waits is known, and the sink is tried. `bridge`: they are moved all the time.",
    )
    limits: Limits = Field(
        default_factory=Limits, description="Bounds of this pipeline; what is left out is as in `limits`."
    )


class Settings(Section):
    """The whole configuration."""

    migration: Migration = Field(default_factory=Migration, description="The migration as a whole.")
    state: State = Field(default_factory=State, description="Where durable notes are kept.")
    api: Api = Field(default_factory=Api, description="The HTTP interface.")
    log: Log = Field(default_factory=Log, description="Log lines.")
    limits: Limits = Field(default_factory=Limits, description="Bounds of every pipeline.")
    gate: Gate = Field(default_factory=Gate, description="When a cutover is safe.")
    verify: Verify = Field(default_factory=Verify, description="Comparison of both sides.")
    dead_letters: DeadLetters = Field(
        default_factory=DeadLetters, description="What happens to refused changes."
    )
    pipelines: tuple[PipelineSettings, ...] = Field(
        min_length=1, max_length=100, description="The pipelines of the migration."
    )
