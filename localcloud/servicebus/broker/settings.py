"""What a queue is set to, and the limits of the tiers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from localcloud.servicebus.broker.errors import RefusedError, argument_error

__all__ = ["QueueSettings", "Status", "Tier", "batch_bytes_max", "check", "message_bytes_max"]

Status = Literal["Active", "Disabled", "SendDisabled", "ReceiveDisabled"]
Tier = Literal["standard", "premium"]

_STANDARD_BYTES = 256 * 1024
_PREMIUM_BYTES = 1024 * 1024
_PREMIUM_BYTES_MAX = 100 * 1024 * 1024
_FIXED_AT_CREATION = ("requires_session", "duplicate_detection_seconds")


class QueueSettings(BaseModel):
    """The settings of a queue, with the service's defaults and bounds.

    Source: the quotas page of the Service Bus documentation, and azure-servicebus's ``QueueProperties``.

    Attributes:
        lock_seconds: how long a message or session is locked; 5 seconds to 5 minutes.
        max_delivery_count: failed deliveries after which a message is dead-lettered.
        requires_session: whether every message belongs to a session; fixed at creation.
        duplicate_detection_seconds: the window in which a message id is taken once, 20 seconds to 7 days;
            None detects nothing. Whether it detects is fixed at creation, the window's length is not.
        default_ttl_seconds: the life of a message without one, and the longest of any; None is forever.
        dead_letter_on_expiration: whether expired messages are dead-lettered, not dropped.
        status: which of sending and receiving is possible.
        size_bytes_max: when the queue is full.
        message_bytes_max: of one message, 1 to 100 MiB, on the premium tier only; None is its default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lock_seconds: float = Field(default=60.0, ge=5, le=300)
    max_delivery_count: int = Field(default=10, ge=1, le=2000)
    requires_session: bool = False
    duplicate_detection_seconds: float | None = Field(default=None, ge=20, le=7 * 86_400)
    default_ttl_seconds: float | None = Field(default=None, gt=0)
    dead_letter_on_expiration: bool = False
    status: Status = "Active"
    size_bytes_max: int = Field(default=1 << 30, gt=0)
    message_bytes_max: int | None = Field(default=None, ge=_PREMIUM_BYTES, le=_PREMIUM_BYTES_MAX)


def check(settings: QueueSettings, tier: Tier, before: QueueSettings | None = None) -> QueueSettings:
    """Return the settings where a queue of the tier may have them.

    Raises:
        RefusedError: the tier has no such messages, or the settings `before` cannot become these.
    """
    if settings.message_bytes_max is not None and tier != "premium":
        raise argument_error("message_bytes_max can be set on the premium tier only")
    for name in _FIXED_AT_CREATION if before is not None else ():
        if bool(getattr(settings, name)) != bool(getattr(before, name)):
            raise RefusedError("com.microsoft:argument-error", f"{name} is fixed at creation", 409)
    return settings


def message_bytes_max(settings: QueueSettings, tier: Tier) -> int:
    """Return the largest message, in bytes with its properties: 256 KiB, or 1 MiB to 100 MiB."""
    if tier == "standard":
        return _STANDARD_BYTES
    return settings.message_bytes_max or _PREMIUM_BYTES


def batch_bytes_max(tier: Tier) -> int:
    """Return the largest batch in bytes, which larger messages do not raise."""
    return _STANDARD_BYTES if tier == "standard" else _PREMIUM_BYTES
