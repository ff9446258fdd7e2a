"""The settings of an SQS source."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SqsSourceSettings(BaseModel):
    """A queue to take messages from. Credentials come from the AWS default chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue_url: str = Field(
        pattern=r"^https?://",
        description="URL of the queue, standard or FIFO. While it is moved, no other consumer may read it.",
    )
    region: str | None = Field(
        default=None, description="AWS region of the queue; without it AWS_REGION or the profile's own."
    )
    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Endpoint of SQS; without it AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL or the one of the "
        "region.",
    )
    profile: str | None = Field(
        default=None, description="Profile of the AWS configuration files; without it AWS_PROFILE."
    )
    markers: bool = Field(
        default=False,
        description="Whether end messages may be sent into the queue. They prove what has been read; "
        "consumers that still read the queue see them.",
    )
    receivers_max: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Receive calls at once while the queue is full; a call takes at most 10 messages.",
    )
    poll_seconds: int = Field(
        default=2,
        ge=1,
        le=20,
        description="Seconds that a receive call waits at an empty queue: at least one, as only a call "
        "that waits asks all of the queue's servers.",
    )
    hidden_seconds: int = Field(
        default=60,
        ge=2,
        le=3600,
        description="Visibility timeout of messages in hand; it is renewed until they are deleted. So much "
        "later messages come back that a killed process had in hand.",
    )
    messages_max: int = Field(
        default=2000, ge=10, le=100_000, description="Messages in hand: received and not yet deleted."
    )
