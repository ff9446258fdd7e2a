"""``python -m replicator.testing``: the simulator."""

import sys

from replicator.testing.simulator import main

sys.exit(main())
