"""The settings of an SQS source."""

from __future__ import annotations

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.aws.place import place_of

_HOST = re.compile(r"^https?://(?:sqs\.(?P<new>[a-z0-9-]+)|(?P<old>[a-z0-9-]+)\.queue)\.amazonaws\.com")


class SqsSourceSettings(BaseModel):
    """A queue to take messages from. Credentials come from the AWS default chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="URL of the queue, standard or FIFO. While it is moved, no other consumer may read it.",
    )
    queue: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,80}(\.fifo)?$",
        description="Name of the queue, in place of `queue_url`, where it is of the credentials' account.",
    )
    region: str | None = Field(
        default=None,
        description="AWS region of the queue; without it the one that `queue_url` names, AWS_REGION or the "
        "profile's own.",
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
        default=30,
        ge=2,
        le=3600,
        description="Visibility timeout of messages in hand; it is renewed until they are deleted. So much "
        "later messages come back that a killed process had in hand, and for so long after a start nothing "
        "is proved read.",
    )
    messages_max: int = Field(
        default=2000, ge=10, le=100_000, description="Messages in hand: received and not yet deleted."
    )

    @property
    def url_region(self) -> str | None:
        """The region that the queue's URL names, where it is one of AWS's own."""
        found = _HOST.match(self.queue_url or "")
        return None if found is None else found["new"] or found["old"]

    @property
    def takes_from(self) -> tuple[str | None, ...]:
        """The queue that messages are taken from, as far as the settings tell it."""
        if self.queue_url is not None:
            return place_of(self.queue_url, self.endpoint_url)
        return self.endpoint_url, self.region, self.profile, self.queue

    @model_validator(mode="after")
    def _check_queue(self) -> Self:
        if (self.queue_url is None) == (self.queue is None):
            raise ValueError("name the queue by queue_url or by queue, and by one of them only")
        return self
