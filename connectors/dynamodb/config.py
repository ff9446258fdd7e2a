"""The settings of a DynamoDB source."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SourceSettings(BaseModel):
    """A table to read from. Credentials come from the AWS default chain and from nowhere else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str = Field(min_length=1, max_length=2048, description="Name or ARN of the table.")
    region: str | None = Field(
        default=None, description="AWS region; without it AWS_REGION or the profile's own."
    )
    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Endpoint of the service; without it AWS_ENDPOINT_URL or the region's own.",
    )
    profile: str | None = Field(
        default=None, description="Profile of the AWS configuration files; without it AWS_PROFILE."
    )
    markers: bool = Field(
        default=False,
        description="Whether marker items may be written into the table. They prove what has been read; "
        "the workload's own stream consumers see them while they are on.",
    )
    marker_prefix: str = Field(
        default="__replicator_mark__",
        min_length=8,
        max_length=64,
        description="What the partition keys of marker items begin with (a number table uses a reserved "
        "range of numbers computed from it). Keys of this kind are never replicated.",
    )
    scan_segments: int = Field(
        default=4, ge=1, le=1000, description="Segments of a parallel scan; the pieces of a backfill."
    )
    read_share: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Share of the table's read capacity that scans may use. An on-demand table counts "
        "as one of 40,000 units per second, the default quota.",
    )
    read_units_per_second_max: float | None = Field(
        default=None,
        gt=0,
        description="Read units per second that scans may use, whatever the capacity; replaces the share.",
    )
    quiet_seconds: float = Field(
        default=5.0,
        ge=0.2,
        le=300,
        description="Seconds of nothing but empty pages after which an open shard counts as read; "
        "a single empty page proves nothing.",
    )
    poll_seconds: float = Field(
        default=0.25,
        ge=0.01,
        le=10,
        description="Seconds between two reads of a shard; none while it delivers large pages, unless "
        "the service throttles.",
    )
    discovery_seconds: float = Field(
        default=30.0, ge=1, le=600, description="Seconds between two listings of the stream's shards."
    )
    pages_max: int = Field(
        default=12, ge=2, le=256, description="Stream pages in memory or under way, of at most 1 MB each."
    )
