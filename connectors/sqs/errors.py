"""The meaning of SQS's errors, in ours. Pure: the client hands over codes and messages.

Source of the codes: the service model of SQS (API version 2012-11-05); those of all services are in
``connectors.aws.errors``.
"""

from __future__ import annotations

from connectors.aws.errors import Refusal, common, otherwise
from replicator.model.errors import PermanentError, ReplicatorError

_NO_QUEUE = frozenset({"QueueDoesNotExist", "NonExistentQueue", "InvalidAddress"})
_CODE_OF_STATUS = {403: "AccessDenied", 404: "QueueDoesNotExist", 503: "ServiceUnavailable"}


def translate(refusal: Refusal) -> ReplicatorError:
    """What an error answer means for the engine.

    What is not settled may have hidden messages: a receive that took effect, and whose answer was lost.
    """
    code = refusal.code.rpartition(".")[2] or _CODE_OF_STATUS.get(refusal.status, str(refusal.status))
    refusal = refusal._replace(code=code)
    known = common(
        refusal,
        rights=f"sqs:{refusal.operation.removesuffix('Batch')} on the queue",
        slower="the service asks for fewer calls; lower receivers_max if this lasts",
    )
    if known is not None:
        return known
    if code in _NO_QUEUE:
        return PermanentError(refusal.text, hint="check queue_url, the queue's region and the account")
    return otherwise(refusal)
