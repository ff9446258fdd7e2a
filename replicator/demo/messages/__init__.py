"""Two queues that go from SQS to Service Bus: notices, in a standard one, and steps, in a FIFO one.

Here belong the messages (`making`), their writer (`writer`), both ends as the vendors' SDKs see them
(`ends`), and how a message is read back (`reading`, `canonical`). What does not belong here: what the other
pairs have in common with them.
"""
