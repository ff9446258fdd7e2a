"""`python -m replicator.cli`: the same as the console script."""

from replicator.cli import main

main()
