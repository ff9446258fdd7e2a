"""A table of orders that goes from DynamoDB to Cosmos DB.

Here belong the orders (`making`), their writer (`writer`), both ends as the vendors' SDKs see them
(`ends`), and how a document is read back to an item (`reading`, `canonical`). What does not belong here:
what the other pairs have in common with it.
"""
