"""Shard iterators: opaque to the caller, a place in a shard and the time of issue to us. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from localcloud.aws.errors import validation

__all__ = ["LIFETIME_SECONDS", "ShardIterator"]

LIFETIME_SECONDS = 15 * 60
"""An iterator expires 15 minutes after it was returned (API reference, GetShardIterator)."""


@dataclass(frozen=True, slots=True)
class ShardIterator:
    """The next record is the first one whose number is greater than `after`."""

    stream_arn: str
    shard_id: str
    after: int
    issued_at: float

    def encode(self) -> str:
        """Return the token."""
        parts = (self.stream_arn, self.shard_id, str(self.after), repr(self.issued_at))
        return urlsafe_b64encode("|".join(parts).encode()).decode()

    @classmethod
    def decode(cls, token: str) -> "ShardIterator":
        """Read a token.

        Raises:
            AwsError: ValidationException where it is not one of ours.
        """
        try:
            arn, shard_id, after, issued_at = urlsafe_b64decode(token.encode()).decode().split("|")
            return cls(arn, shard_id, int(after), float(issued_at))
        except ValueError as error:
            raise validation("Invalid ShardIterator") from error
