"""`python -m replicator.demo.show CUSTOMER [ORDER]`: the orders of a customer as they are in Cosmos DB."""

from __future__ import annotations

import json
import os
import sys

from replicator.demo.ends import Ends
from replicator.demo.orders import HASH_KEY, RANGE_KEY


def main() -> None:
    """Print each document as it is stored."""
    if len(sys.argv) not in {2, 3}:
        sys.exit(__doc__)
    wanted = dict(zip((HASH_KEY, RANGE_KEY), sys.argv[1:], strict=False))
    for document in Ends(os.environ).documents(wanted):
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
