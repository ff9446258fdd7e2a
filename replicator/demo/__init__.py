"""The demonstration: a live table moves from AWS to Azure before the reader's eyes, and is then compared.

Here belong the story (`story`), the table and its independent writer with a ledger of its own (`orders`,
`writer`, `ledger`), the comparison of both sides with that ledger (`reading`, `comparison`), and what is
shown meanwhile (`screen`, `words`). The service is a process of its own that is started, watched and killed
from outside (`service`), as anybody would run it. Nothing here is trusted to Replicator's own code: what
was written is told by the writer, and what arrived is read with the vendors' SDKs and read back by the
documented form alone.

What does not belong here: anything that the service needs. No other room imports this one but the command
line.
"""
