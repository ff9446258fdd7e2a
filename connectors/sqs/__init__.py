"""SQS as a source of messages: taken from the queue, kept from others while in hand, deleted by the commit.

Reading a queue takes from it, so nothing is received before the engine reads (design 4.4). Here belong
the receiving in rounds, the messages in hand, the end messages that prove what was read, and the neutral
form of a message. ``client`` alone knows the SDK.

What does not belong here: the order in which messages are sent on, repeating a send, dead letters.
"""

from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.source import open_source
from replicator.connector import Connector

connector = Connector(name="sqs", source_settings=SqsSourceSettings, open_source=open_source)

__all__ = ["SqsSourceSettings", "connector"]
