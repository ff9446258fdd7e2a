"""`python -m localcloud up [--directory DIR] [--no-azurite]`: both clouds until Ctrl-C."""

import argparse
import asyncio
import sys
from pathlib import Path

from localcloud.processes import StartError
from localcloud.up import up

__all__ = ["main"]


def main() -> None:
    """Run the clouds; exit status 1 with one sentence where they cannot be started."""
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("up", help="start both clouds and stop them on Ctrl-C")
    verb.add_argument("--directory", type=Path, help="keep logs and state here")
    verb.add_argument(
        "--no-azurite", action="store_true", help="without Azure Storage, which needs Node.js"
    )
    options = parser.parse_args()
    try:
        asyncio.run(up(options.directory, azurite=not options.no_azurite))
    except (StartError, FileNotFoundError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
