"""What SQS does and ministack does not: standard queues shuffled, late and at least once, on request.

A delete of a message that is gone succeeds here always, as it does at SQS. Messages stay in ministack, but
for those that come again after they were deleted, which are kept here until they are deleted again. What
does not belong here: FIFO queues, which keep their order, and the query protocol, which today's SDKs do not
speak; both pass as they are.
"""
