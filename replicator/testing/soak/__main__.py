"""`python -m replicator.testing.soak`."""

import sys

from replicator.testing.soak.main import main

sys.exit(main())
