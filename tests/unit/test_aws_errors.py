"""What all services of AWS answer alike, and what the SDK's own errors say of the request."""

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from botocore import exceptions as sdk

from connectors.aws.errors import CREDENTIALS, DENIALS, THROTTLES, Refusal, common, otherwise
from connectors.aws.queue import in_tens, receive_at_once, rounds_of
from connectors.aws.sending import was_never_sent
from replicator.model.errors import PermanentError, PositionLostError, TransientError

URL = "http://service.example"
KEY = ConnectionKey("service.example", 80, False, True, None, None, None)


def meaning(code, status=400, **more):
    """What an answer of this code means."""
    return common(
        Refusal("PutThing", code, "words", status, **more), rights="x:PutThing", slower="slow down"
    )


@pytest.mark.parametrize("code", sorted(THROTTLES))
def test_a_throttled_call_had_no_effect(code):
    """Whatever the status, and the service's own word on when to come again is kept."""
    error = meaning(code, retry_after_seconds=3.0)
    assert isinstance(error, TransientError)
    assert (error.settled, error.reason, error.retry_after_seconds, error.hint) == (
        True,
        "throttled",
        3.0,
        "slow down",
    )
    assert error.message == f"PutThing: {code}: words"


def test_what_does_not_pass_has_a_hint():
    """Of credentials, and of the right that is missing."""
    for codes, word in ((CREDENTIALS, "default chain"), (DENIALS, "x:PutThing")):
        for code in codes:
            error = meaning(code)
            assert isinstance(error, PermanentError)
            assert word in error.hint
    assert meaning("ValidationException") is None


@pytest.mark.parametrize(
    ("code", "status", "reads", "settled"),
    [
        ("InternalError", 500, False, False),
        ("InternalError", 500, True, True),
        ("RequestTimeout", 400, False, False),
    ],
)
def test_the_outcome_of_a_write_that_failed_inside_is_open(code, status, reads, settled):
    """A read has none."""
    error = otherwise(Refusal("PutThing", code, "", status, reads=reads))
    assert isinstance(error, TransientError)
    assert error.settled is settled
    assert isinstance(otherwise(Refusal("PutThing", "ValidationException", "", 400)), PermanentError)


@pytest.mark.parametrize(
    ("inside", "never_sent"),
    [
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), True),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "no name")), True),
        (aiohttp.ClientOSError(104, "reset"), False),
        (aiohttp.ClientConnectionResetError("closing transport"), False),
        (aiohttp.ClientConnectionError("the connection broke"), False),
        (None, False),
    ],
)
def test_one_error_of_the_sdk_has_two_meanings(inside, never_sent):
    """What is inside of it tells a connection that was refused from one that was reset."""
    assert was_never_sent(sdk.EndpointConnectionError(endpoint_url=URL, error=inside)) is never_sent


def test_other_errors_of_the_sdk_have_one_meaning():
    """A connection that took too long to make is none, and one that took too long to answer is one."""
    assert was_never_sent(sdk.ConnectTimeoutError(endpoint_url=URL, error=None))
    assert not was_never_sent(sdk.ReadTimeoutError(endpoint_url=URL, error=None))
    assert not was_never_sent(sdk.ConnectionClosedError(endpoint_url=URL, error=None))


def test_a_position_counts_rounds():
    """One that is none of a queue's is lost."""
    assert rounds_of(None, "queue") == rounds_of({}, "queue") == 0
    assert rounds_of({"queue": "17"}, "queue") == 17
    with pytest.raises(PositionLostError):
        rounds_of({"queue": "17:a"}, "queue")


async def test_all_tens_are_tried_before_a_failure_is_raised():
    """What one call fails for keeps the others from nothing, and a failure that is not ours comes first."""
    done = []

    async def call(some):
        if 15 in some:
            raise TransientError("later")
        if 35 in some:
            raise ValueError("a mistake")
        done.extend(some)

    with pytest.raises(ValueError, match="a mistake"):
        await in_tens(range(42), call)
    assert sorted(done) == [*range(10), *range(20, 30), 40, 41]


async def test_failures_beside_messages_are_left_to_the_next_round():
    """If they are such as pass; and a call that brought all it can says that more may be there."""

    async def call(answer):
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def received(*answers):
        return await receive_at_once([call(answer) for answer in answers])

    page = [{"MessageId": str(number)} for number in range(10)]
    both = await received(page, TransientError("later"), page[:1])
    both.raise_failure()
    assert (len(both.raws), len(both.failures), both.full) == (11, 1, True)
    with pytest.raises(TransientError):
        (await received([], TransientError("later"))).raise_failure()
    with pytest.raises(PermanentError):
        (await received(page[:1], PermanentError("no", hint="h"))).raise_failure()
    assert not (await received(page[:9])).full
