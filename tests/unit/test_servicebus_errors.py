"""What Service Bus answers becomes the error after which the right thing is done."""

import pytest

from connectors.servicebus.errors import Refusal, after_earlier, translate
from replicator.model.errors import ChangeError, PermanentError, TransientError

TEXT = "Something happened. Error condition: x."


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal("MessageSizeExceededError", "amqp:link:message-size-exceeded", TEXT), ChangeError),
        (Refusal("ServiceBusError", "com.microsoft:argument-out-of-range", TEXT), ChangeError),
        (Refusal("ServiceBusError", "com.microsoft:argument-error", TEXT), ChangeError),
        (Refusal("ServiceBusError", "amqp:decode-error", TEXT), ChangeError),
        (Refusal("ServiceBusAuthenticationError", "", TEXT), PermanentError),
        (Refusal("ServiceBusAuthorizationError", "amqp:unauthorized-access", TEXT), PermanentError),
        (Refusal("ClientAuthenticationError", "", TEXT), PermanentError),
        (Refusal("MessagingEntityNotFoundError", "amqp:not-found", TEXT), PermanentError),
        (Refusal("MessagingEntityDisabledError", "com.microsoft:entity-disabled", TEXT), PermanentError),
        (Refusal("ServiceBusError", "amqp:not-allowed", TEXT), PermanentError),
    ],
)
def test_refusals_for_good(refusal, expected):
    """Of the message, or of the pipeline and then with a hint, whether or not it was sent."""
    for sent in (True, False):
        error = translate(refusal, sent=sent)
        assert type(error) is expected
        assert error.hint or expected is ChangeError


@pytest.mark.parametrize(
    "kind",
    [
        "ServiceBusConnectionError",
        "ServiceBusCommunicationError",
        "OperationTimeoutError",
        "ServiceBusError",
        "ValueError",
        "SomethingNew",
    ],
)
def test_trouble_of_the_connection_is_no_messages_error(kind):
    """What is not known passes by itself, and is open where something had been sent."""
    error = translate(Refusal(kind, "amqp:internal-error", TEXT), sent=True)
    assert (type(error), error.settled) == (TransientError, False)
    error = translate(Refusal(kind, "amqp:socket-error", TEXT), sent=False)
    assert (type(error), error.settled, error.reason) == (TransientError, True, "unreachable")


def test_being_asked_for_less_had_no_effect():
    """Busy and full are throttling, with the service's own word on when to come back."""
    text = "The request was terminated because the namespace is being throttled. Please wait 10 seconds."
    busy = translate(Refusal("ServiceBusServerBusyError", "com.microsoft:server-busy", text), sent=True)
    assert (busy.settled, busy.reason, busy.retry_after_seconds) == (True, "throttled", 10.0)
    busy = translate(Refusal("ServiceBusServerBusyError", "com.microsoft:server-busy", ""), sent=True)
    assert busy.retry_after_seconds is None
    full = translate(Refusal("ServiceBusQuotaExceededError", "", TEXT), sent=True)
    assert (full.settled, full.reason) == (True, "throttled")


def test_being_asked_for_less_by_the_end_of_a_link_is_no_answer():
    """What was under way may have landed; where nothing was, nothing did."""
    for kind in ("ServiceBusServerBusyError", "ServiceBusQuotaExceededError"):
        refusal = Refusal(kind, "", TEXT, ended=True)
        assert translate(refusal, sent=True).settled is False
        assert translate(refusal, sent=False).settled is True


def test_what_stood_behind_a_failure_was_not_sent():
    """It is settled, with the reason of what failed; a stop for all is theirs too."""
    open_one = TransientError("no answer", hint="wait", retry_after_seconds=2.0, reason="unanswered")
    behind = after_earlier(open_one)
    assert isinstance(behind, TransientError)
    assert (behind.settled, behind.reason, behind.retry_after_seconds, behind.hint) == (
        True,
        "unanswered",
        2.0,
        "wait",
    )
    stop = PermanentError("gone")
    assert after_earlier(stop) is stop
    assert after_earlier(ChangeError("too large")).reason == "order"
