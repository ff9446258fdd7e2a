"""`python -m replicator.testing.reliability`."""

import sys

from replicator.testing.reliability.main import main

if __name__ == "__main__":
    sys.exit(main())
