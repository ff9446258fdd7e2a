"""Connections, sessions and links: AMQP's conversation on one side, the broker's verbs on the other.

Here belong handles, credit, delivery ids, tokens put on a connection, requests and replies, and the moment
at which a fault strikes. What a message, a lock or a session *is* belongs to the broker; what bytes look
like belongs to `amqp`. A session of AMQP is called a channel here, because Service Bus has sessions too.
"""
