"""A bucket of invoices that goes from S3 to Blob Storage.

Here belong the invoices (`making`), their writer (`writer`), both ends as the vendors' SDKs see them
(`ends`), and how a blob is read back to an object (`reading`, `canonical`). What does not belong here: what
the other pairs have in common with it.
"""
