"""The one exception of the broker: something that Service Bus refuses, with its condition on the wire."""

__all__ = ["RefusedError"]


class RefusedError(Exception):
    """A refusal.

    Args:
        condition: of the AMQP error, as azure-servicebus maps it to its exceptions.
        description: a sentence for whoever called.
        status: of a reply on ``$management``, where that is how the refusal is told.
    """

    def __init__(self, condition: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description
        self.status = status


def entity_not_found(name: str) -> RefusedError:
    """There is no queue of that name."""
    return RefusedError("amqp:not-found", f"The messaging entity '{name}' could not be found.", 404)


def entity_disabled(name: str) -> RefusedError:
    """The queue's status forbids it."""
    description = f"Messaging entity '{name}' is currently disabled."
    return RefusedError("com.microsoft:entity-disabled", description, 403)


def not_allowed(description: str) -> RefusedError:
    """The entity is not of the kind that it would have to be."""
    return RefusedError("amqp:not-allowed", description)


def unauthorized(description: str) -> RefusedError:
    """No valid token covers it."""
    return RefusedError("amqp:unauthorized-access", description, 401)


def too_large(size_bytes: int, bytes_max: int) -> RefusedError:
    """A message or batch above the tier's limit."""
    description = f"The received message (size:{size_bytes}) exceeds the limit ({bytes_max}) of the link."
    return RefusedError("amqp:link:message-size-exceeded", description)


def quota_exceeded(name: str) -> RefusedError:
    """The queue is full."""
    description = f"The maximum entity size of '{name}' has been reached or exceeded."
    return RefusedError("amqp:resource-limit-exceeded", description, 403)


def out_of_range(description: str) -> RefusedError:
    """A value outside what the service takes."""
    return RefusedError("com.microsoft:argument-out-of-range", description)


def argument_error(description: str) -> RefusedError:
    """A request that makes no sense."""
    return RefusedError("com.microsoft:argument-error", description)


def message_lock_lost() -> RefusedError:
    """The lock expired, or the message was settled or removed."""
    description = "The lock supplied is invalid. Either the lock expired, or the message has been removed."
    return RefusedError("com.microsoft:message-lock-lost", description, 410)


def session_lock_lost(session_id: str) -> RefusedError:
    """The session's lock expired, or was given back."""
    description = f"The session lock has expired on the session '{session_id}'. Accept the session again."
    return RefusedError("com.microsoft:session-lock-lost", description, 410)


def session_cannot_be_locked(session_id: str) -> RefusedError:
    """Somebody else holds the session."""
    description = f"The requested session '{session_id}' cannot be accepted. It may be locked by another."
    return RefusedError("com.microsoft:session-cannot-be-locked", description, 410)


def message_not_found(number: int) -> RefusedError:
    """No message in the asked state has that sequence number."""
    description = f"Failed to lock one or more specified messages: {number} does not exist."
    return RefusedError("com.microsoft:message-not-found", description, 404)


def timed_out() -> RefusedError:
    """Nothing came in the time that the caller gave."""
    return RefusedError(
        "com.microsoft:timeout", "The operation did not complete within the time given.", 408
    )


def server_busy() -> RefusedError:
    """Throttled."""
    description = "The request was terminated because the namespace is being throttled. Wait 10 seconds."
    return RefusedError("com.microsoft:server-busy", description, 503)
