"""What went wrong at Service Bus, in our words.

Pure: ``client`` reads the vendor's exceptions and hands over the name of their class, the condition of the
AMQP error and the text. What classes and conditions mean is told by azure-servicebus' ``exceptions`` and by
learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from replicator.model.errors import ChangeError, PermanentError, ReplicatorError, TransientError

NOT_ALLOWED = "amqp:not-allowed"
MESSAGE_NOT_FOUND = "MessageNotFoundError"
_TOO_LARGE = "MessageSizeExceededError"
_UNFIT = frozenset(
    {
        "com.microsoft:argument-error",
        "com.microsoft:argument-out-of-range",
        "amqp:decode-error",
        "amqp:invalid-field",
    }
)
_CREDENTIAL = frozenset(
    {"ServiceBusAuthenticationError", "ServiceBusAuthorizationError", "ClientAuthenticationError"}
)
_WAIT = re.compile(r"wait (\d+) seconds", re.IGNORECASE)


class Refusal(NamedTuple):
    """What the SDK raised; ``kind`` is the name of the exception's class.

    ``ended``: it was told by the end of the link or connection. That is no answer to what was under way.
    """

    kind: str
    condition: str = ""
    text: str = ""
    ended: bool = False


class RefusedError(Exception):
    """A refusal, on its way from ``client`` to where its meaning is known."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class BlobRefusal(NamedTuple):
    """What the SDK of Blob Storage raised at a body; without a status there was no answer."""

    status: int = 0
    code: str = ""
    text: str = ""
    retry_after_seconds: float | None = None
    unreachable: bool = False
    credential: bool = False


def is_of_message(refusal: Refusal) -> bool:
    """Whether it is a message itself, or one of a batch, that the service does not take."""
    return refusal.kind == _TOO_LARGE or refusal.condition in _UNFIT


def translate(refusal: Refusal, *, sent: bool) -> ReplicatorError:
    """The error that a refusal is; ``sent`` where a message was on its way, so that it may have landed."""
    open_outcome = sent and refusal.ended
    return (
        _refused(refusal)
        or _asked_for_less(refusal, settled=not open_outcome)
        or _interrupted(refusal, sent=sent)
    )


def unanswered(seconds: float, *, sent: bool) -> TransientError:
    """No answer came in time."""
    return TransientError(
        f"Service Bus did not answer within {seconds:g} s", settled=not sent, reason="unanswered"
    )


def no_sender_free(seconds: float) -> TransientError:
    """All senders were at work for as long as a call may take, so nothing was sent."""
    return TransientError(
        f"no sender became free within {seconds:g} s",
        hint="raise senders, or let fewer calls be under way",
        settled=True,
        reason="busy",
    )


def after_earlier(error: ReplicatorError) -> ReplicatorError:
    """The error of what was not sent because something before it failed."""
    if isinstance(error, PermanentError):
        return error
    reason = error.reason if isinstance(error, TransientError) else "order"
    asked = error.retry_after_seconds if isinstance(error, TransientError) else None
    return TransientError(
        f"not sent, because a message before it failed: {error.message}",
        hint=error.hint,
        retry_after_seconds=asked,
        settled=True,
        reason=reason,
    )


def too_large(size_bytes: int, bytes_max: int) -> ChangeError:
    """A message above the limit of the queue."""
    return ChangeError(
        f"the message has about {size_bytes} bytes, and the queue takes at most {bytes_max}",
        hint="set claim_check, by which large bodies go into a container and messages say where, or use a "
        "queue of a premium namespace, which takes up to 100 MB where it is set so; then replay the letter",
    )


def translate_body(refusal: BlobRefusal) -> ReplicatorError:
    """The error of a call for a body; always settled, as a body that lands late changes nothing.

    Codes are told by learn.microsoft.com/rest/api/storageservices/blob-service-error-codes.
    """
    said = f"{refusal.status or ''} {refusal.code} {_first_line(refusal.text)}".strip()
    if refusal.credential or refusal.status in {401, 403}:
        return PermanentError(
            f"the container of the claim check refuses the credential: {said}",
            hint="check the connection string and the account's firewall, or give the identity the role "
            "'Storage Blob Data Contributor' on the container",
        )
    if refusal.status == 404:
        return PermanentError(
            f"the container of the claim check is not there: {said}",
            hint="create the container, or correct claim_check",
        )
    if refusal.status in {408, 429} or refusal.status >= 500 or not refusal.status:
        throttled = refusal.status in {429, 503}
        return TransientError(
            f"the container of the claim check cannot be written to: {said}",
            hint="check the endpoint, the name resolution and the firewall of the account",
            retry_after_seconds=refusal.retry_after_seconds,
            settled=True,
            reason="throttled" if throttled else "unreachable" if refusal.unreachable else "unanswered",
        )
    return PermanentError(
        f"the container of the claim check refuses a body: {said}", hint="see its settings"
    )


def body_unanswered(detail: str) -> TransientError:
    """A body is not known to be durable, so its message was not sent."""
    return TransientError(
        f"the container of the claim check did not answer: {detail}",
        hint="large bodies take time: let fewer messages be in flight, or raise sink_call_seconds_max",
        settled=True,
        reason="unanswered",
    )


def body_replaced(container: str, name: str) -> ChangeError:
    """Another content is where a body belongs."""
    return ChangeError(
        f"the blob {name} in container {container} is there, and is not the body of this message",
        hint="somebody else wrote it: delete it, keep others from writing the container, and replay this",
    )


def refused_credential(detail: str) -> PermanentError:
    """No usable credential, said by the identity library or by the service."""
    return PermanentError(
        f"Service Bus refuses the credential: {_first_line(detail)}",
        hint="check the connection string and its right to send (and the clock of this machine, which "
        "signs with it), or give the identity the role 'Azure Service Bus Data Sender' on the queue",
    )


def other_kind(*, sessions: bool) -> PermanentError:
    """The queue is not of the kind that the configuration says; ``sessions`` is what the queue has."""
    if sessions:
        return PermanentError(
            "the queue requires sessions, and the configuration says that it does not",
            hint="set sessions: true where the source is a FIFO queue; for a standard one create a queue "
            "without sessions, which is fixed at creation",
        )
    return PermanentError(
        "the queue has no sessions, and the configuration says that it requires them",
        hint="create the queue with sessions required, which is fixed at creation; for a standard source "
        "set sessions: false",
    )


def _refused(refusal: Refusal) -> ReplicatorError | None:
    said = _first_line(refusal.text)
    if refusal.kind in _CREDENTIAL:
        return refused_credential(said)
    if is_of_message(refusal):
        return ChangeError(f"Service Bus refuses the message: {said}")
    if refusal.kind == "MessagingEntityNotFoundError":
        return PermanentError(
            f"the queue is not there: {said}", hint="create the queue, or correct the configuration"
        )
    if refusal.kind == "MessagingEntityDisabledError":
        return PermanentError(
            f"the queue takes no messages: {said}",
            hint="set the status of the queue to Active, or to ReceiveDisabled to hold messages back",
        )
    if refusal.condition == NOT_ALLOWED:
        return PermanentError(
            f"Service Bus does not allow this: {said}",
            hint="compare the settings sessions and partitioned with the queue",
        )
    return None


def _asked_for_less(refusal: Refusal, *, settled: bool) -> TransientError | None:
    said = _first_line(refusal.text)
    if refusal.kind == "ServiceBusServerBusyError":
        asked = _WAIT.search(refusal.text)
        return TransientError(
            f"Service Bus is busy: {said}",
            hint="the namespace is being throttled; a premium one has capacity of its own",
            retry_after_seconds=float(asked[1]) if asked else None,
            settled=settled,
            reason="throttled",
        )
    if refusal.kind == "ServiceBusQuotaExceededError":
        return TransientError(
            f"the queue or the namespace is full: {said}",
            hint="let consumers take messages out, or raise the size of the queue",
            settled=settled,
            reason="throttled",
        )
    return None


def _interrupted(refusal: Refusal, *, sent: bool) -> TransientError:
    said = _first_line(refusal.text)
    if sent:
        return TransientError(f"the send was interrupted: {said}", settled=False, reason="unanswered")
    return TransientError(
        f"Service Bus cannot be reached: {said}",
        hint="check the host name, the name resolution and the firewall: AMQP uses port 5671",
        settled=True,
        reason="unreachable",
    )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()[:300]
