"""What Azure Service Bus does with messages, free of sockets, of AMQP's frames and of any clock of its own.

Here belong queues, messages and their locks, sessions, duplicate detection, dead-lettering, expiry and the
limits of the tiers. Everything happens inside a call, at the time that the injected clock tells; what falls
due with time (locks, schedules, expiry) happens in ``tick``. What does not belong here: links, credit,
connections, faults.
"""
