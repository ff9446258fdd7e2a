"""The settings of an S3 source."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.aws.place import place_of


class SourceSettings(BaseModel):
    """A bucket to read from, and the queue of its events. Credentials come from the AWS default chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bucket: str = Field(min_length=3, max_length=2048, description="Name of the bucket.")
    prefix: str = Field(
        default="", max_length=1024, description="Only keys that begin with this are replicated."
    )
    region: str | None = Field(
        default=None, description="AWS region of the bucket; without it AWS_REGION or the profile's own."
    )
    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Endpoint of S3; without it AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the region's own.",
    )
    profile: str | None = Field(
        default=None, description="Profile of the AWS configuration files; without it AWS_PROFILE."
    )
    queue_url: str = Field(
        pattern=r"^https?://",
        description="URL of the SQS queue that receives the bucket's events: directly, through SNS or "
        "through EventBridge. It has to be the pipeline's own, because reading a queue takes from it.",
    )
    queue_region: str | None = Field(
        default=None, description="AWS region of the queue; without it the bucket's."
    )
    queue_endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Endpoint of SQS; without it AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL or the one of "
        "the region.",
    )
    event_bridge: bool = Field(
        default=False,
        description="Whether `replicator install` lets the events come through EventBridge instead of "
        "directly, by a rule on the default bus: for a bucket that sends them to somebody else already, as "
        "S3 sends an event directly to one target only. The queue has to be of the bucket's account and "
        "region.",
    )
    event_bridge_endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Endpoint of EventBridge; without it AWS_ENDPOINT_URL_EVENTBRIDGE, AWS_ENDPOINT_URL or "
        "the one of the region.",
    )
    receivers_max: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Receive calls at once while the queue is full; a call takes at most 10 messages.",
    )
    poll_seconds: int = Field(
        default=2, ge=1, le=20, description="Seconds that a receive call waits at an empty queue."
    )
    hidden_seconds: int = Field(
        default=30,
        ge=10,
        le=3600,
        description="Visibility timeout of messages in hand; it is renewed until they are deleted. So much "
        "later events come back that a killed process had in hand.",
    )
    messages_max: int = Field(
        default=2000, ge=10, le=100_000, description="Messages in hand: received and not yet deleted."
    )
    markers: bool = Field(
        default=False,
        description="Whether canary objects may be written into the bucket. Their events prove what has "
        "been read; the workload's own event consumers see them.",
    )
    markers_prefix: str | None = Field(
        default=None,
        min_length=2,
        max_length=512,
        description="What the keys of canaries begin with; without it `.replicator/` behind the prefix. "
        "The bucket's notification has to cover it. Keys of this kind are never replicated.",
    )
    heartbeat_seconds: float = Field(
        default=5.0, ge=0.2, le=300, description="Seconds between two canaries, where markers are allowed."
    )
    page_rows_max: int = Field(default=1000, ge=1, le=1000, description="Keys of one page of a listing.")
    pieces_max: int = Field(
        default=16, ge=1, le=256, description="Key ranges into which a scan of the bucket is cut, at most."
    )
    bodies_max: int = Field(
        default=64,
        ge=2,
        le=1024,
        description="Bodies that are read at once; each holds up to 0.5 MB in memory.",
    )
    fetches_max: int = Field(
        default=16,
        ge=1,
        le=100,
        description="Objects whose headers are read at once when many are looked at.",
    )

    @property
    def canaries_prefix(self) -> str:
        """What the keys of canaries begin with."""
        return f"{self.prefix}.replicator/" if self.markers_prefix is None else self.markers_prefix

    @property
    def takes_from(self) -> tuple[str, str]:
        """The queue that events are taken from."""
        return place_of(self.queue_url, self.queue_endpoint_url)

    def replicates(self, key: str) -> bool:
        """Whether a key is one of those that this source is about."""
        return key.startswith(self.prefix) and not key.startswith(self.canaries_prefix)

    @model_validator(mode="after")
    def _check_prefixes(self) -> Self:
        if self.prefix.startswith(self.canaries_prefix):
            raise ValueError("markers_prefix holds every key of prefix, so that none would be replicated")
        return self
