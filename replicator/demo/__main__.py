"""`python -m replicator.demo`."""

import sys

from replicator.demo.main import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
