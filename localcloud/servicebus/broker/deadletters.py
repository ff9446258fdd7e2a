"""Why messages come into a dead-letter queue, in the service's words."""

from dataclasses import dataclass

__all__ = ["SUFFIX", "Reason", "delivered_too_often", "expired"]

SUFFIX = "/$DeadLetterQueue"


@dataclass(frozen=True, slots=True)
class Reason:
    """What a dead letter says of itself, as application properties.

    Attributes:
        reason: ``DeadLetterReason``; None sets none.
        description: ``DeadLetterErrorDescription``; None sets none.
    """

    reason: str | None = None
    description: str | None = None

    def properties(self) -> dict[str, str]:
        """Return the application properties to set."""
        named = {"DeadLetterReason": self.reason, "DeadLetterErrorDescription": self.description}
        return {name: text for name, text in named.items() if text is not None}


def expired() -> Reason:
    """Its time to live was over."""
    return Reason("TTLExpiredException", "The message expired and was dead lettered.")


def delivered_too_often(deliveries: int) -> Reason:
    """No receiver could process it."""
    description = f"Message could not be consumed after {deliveries} delivery attempts."
    return Reason("MaxDeliveryCountExceeded", description)
