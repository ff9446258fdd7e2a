"""What the connectors to AWS have in common, one floor below them; it is no connector itself.

Here belong the making of the SDK's clients and the sending of each request once, the meaning of the
answers that all services give alike, the calls to a queue with the messages in hand, and what stands
between readers in the background and ``read``. Only ``client`` and ``sending`` know the SDK.

What does not belong here: what one service alone has, settings, and anything that is merely alike. It is
for the private use of ``connectors.dynamodb``, ``connectors.s3`` and ``connectors.sqs``; like them it sees
the model, the interfaces and the telemetry (ADR 0013).
"""
